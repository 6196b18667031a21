#include "balance/hash_key.h"

#include <array>
#include <string_view>

#include "base/hash.h"

namespace siplb::balance {
namespace {

// The value of a hexadecimal digit, -1 for any other octet.
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Takes one octet from the front of `text`, undoing its escape; a broken escape is taken as it is.
char take_unescaped(std::string_view& text) {
  char octet = text[0];
  size_t length = 1;
  if (octet == '%' && text.size() >= 3) {
    const int high = hex_value(text[1]);
    const int low = hex_value(text[2]);
    if (high >= 0 && low >= 0) {
      octet = static_cast<char>(high << 4 | low);
      length = 3;
    }
  }
  text.remove_prefix(length);
  return octet;
}

// Users are equal when their octets are, escaped or not (RFC 3261, 19.1.4). A long one is hashed
// in parts, each seeded by those before it.
uint64_t hash_unescaped(std::string_view text) {
  std::array<char, 256> part;
  uint64_t hash = 0;
  while (!text.empty()) {
    size_t length = 0;
    while (!text.empty() && length < part.size()) part[length++] = take_unescaped(text);
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
