#include "balance/hash_key.h"

#include <array>
#include <string_view>

#include "base/hash.h"
#include "sip/escape.h"

namespace siplb::balance {
namespace {

// Users are equal when their octets are, escaped or not (RFC 3261, 19.1.4). A long one is hashed
// in parts, each seeded by those before it.
uint64_t hash_unescaped(std::string_view text) {
  std::array<char, 256> part;
  uint64_t hash = 0;
  while (!text.empty()) {
    size_t length = 0;
    while (!text.empty() && length < part.size()) part[length++] = sip::take_unescaped(text);
    hash = hash_octets({part.data(), length}, hash);
  }
  return hash;
}

// Whom a URI names: the user, or the number of a tel URI.
std::string_view user_of(const sip::Uri& uri) {
  return uri.scheme == sip::Scheme::Tel ? uri.host : uri.user;
}

std::string_view user_of(const sip::NameAddr& name_addr) {
  sip::Uri uri;
  return sip::parse_uri(name_addr.uri, uri) ? user_of(uri) : std::string_view();
}

HashKeyKind resolve(HashKeyKind kind, sip::Method method) {
  if (kind != HashKeyKind::Default) return kind;
  switch (method) {
    case sip::Method::Register:
    case sip::Method::Subscribe:
    case sip::Method::Publish: return HashKeyKind::ToUser;
    default: return HashKeyKind::CallId;
  }
}

std::string_view user_by(HashKeyKind kind, const sip::Message& request) {
  switch (kind) {
    case HashKeyKind::FromUser: return user_of(request.from);
    case HashKeyKind::ToUser: return user_of(request.to);
    case HashKeyKind::RequestUser: return user_of(request.uri);
    default: return {};
  }
}

}  // namespace

uint64_t request_key_hash(const HashKeyOptions& options, const sip::Message& request,
                          const SockAddress& source) {
  const HashKeyKind kind = resolve(options.kind, request.method);
  if (kind == HashKeyKind::SourceIp) return hash_octets(source.ip_octets());
  if (kind == HashKeyKind::HeaderValue) {
    const sip::Header* header = request.find(options.header);
    if (header != nullptr && !header->value.empty()) return hash_octets(header->value);
  }
  const std::string_view user = user_by(kind, request);
  return user.empty() ? hash_octets(request.call_id) : hash_unescaped(user);
}

}  // namespace siplb::balance
