#include "balance/hash_key.h"

#include <array>
#include <string_view>

#include "base/hash.h"
#include "sip/escape.h"

namespace siplb::balance {
namespace {

// A long text is hashed in parts, each seeded by those before it.
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

uint64_t RequestKey::hash() const {
  const bool is_user = kind == HashKeyKind::FromUser || kind == HashKeyKind::ToUser ||
                       kind == HashKeyKind::RequestUser;
  return is_user ? hash_unescaped(text) : hash_octets(text);
}

RequestKey request_key(const HashKeyOptions& options, const sip::Message& request,
                       const SockAddress& source) {
  const HashKeyKind kind = resolve(options.kind, request.method);
  if (kind == HashKeyKind::SourceIp) return {kind, source.ip_octets()};
  std::string_view text = user_by(kind, request);
  if (kind == HashKeyKind::HeaderValue) {
    const sip::Header* header = request.find(options.header);
    if (header != nullptr) text = header->value;
  }
  if (text.empty()) return {HashKeyKind::CallId, request.call_id};
  return {kind, text};
}

std::string_view name(HashKeyKind kind) {
  switch (kind) {
    case HashKeyKind::Default: return "default";
    case HashKeyKind::CallId: return "call-id";
    case HashKeyKind::FromUser: return "from-user";
    case HashKeyKind::ToUser: return "to-user";
    case HashKeyKind::RequestUser: return "request-user";
    case HashKeyKind::SourceIp: return "source-ip";
    case HashKeyKind::HeaderValue: return "header";
  }
  return {};
}

}  // namespace siplb::balance
