#include "base/address.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>

#include "base/hash.h"

namespace siplb {

namespace {

// "192.0.2.1" as inet_pton() takes it, which costs several times as much: four numbers up to 255
// without leading zeros. Host names end it at their first letter.
std::optional<uint32_t> read_ip4(std::string_view text) {
  if (text.size() >= INET_ADDRSTRLEN) return std::nullopt;
  const char* at = text.data();
  const char* const end = at + text.size();
  uint32_t ip = 0;
  for (int groups = 1;; ++groups) {
    const char* const first = at;
    uint64_t group = 0;
    for (unsigned digit; at != end && (digit = static_cast<unsigned>(*at) - '0') <= 9; ++at) {
      group = group * 10 + digit;
    }
    if (at == first || group > 255 || (*first == '0' && at - first > 1)) return std::nullopt;
    ip = ip << 8 | static_cast<uint32_t>(group);
    if (groups == 4) break;
    if (at == end || *at++ != '.') return std::nullopt;
  }
  if (at != end) return std::nullopt;
  return ip;
}

// Writes 0 to 255 and returns the end.
char* put_group(char* at, unsigned number) {
  if (number >= 100) *at++ = static_cast<char>('0' + number / 100);
  if (number >= 10) *at++ = static_cast<char>('0' + number / 10 % 10);
  *at++ = static_cast<char>('0' + number % 10);
  return at;
}

}  // namespace

SockAddress SockAddress::v4(uint32_t host_order_ip, uint16_t port) {
  SockAddress address;
  const uint32_t ip = htonl(host_order_ip);
  std::memcpy(address.ip_.data(), &ip, sizeof ip);
  address.port_ = port;
  address.family_ = Family::V4;
  return address;
}

SockAddress SockAddress::v6(const std::array<uint8_t, 16>& ip, uint16_t port) {
  SockAddress address;
  address.ip_ = ip;
  address.port_ = port;
  address.family_ = Family::V6;
  return address;
}

std::optional<SockAddress> SockAddress::parse_ip(std::string_view text, uint16_t port) {
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  } else if (const std::optional<uint32_t> ip4 = read_ip4(text)) {
    return v4(*ip4, port);
  }
  char zero_ended[INET6_ADDRSTRLEN];
  if (text.size() >= sizeof zero_ended || text.find(':') == std::string_view::npos) {
    return std::nullopt;
  }
  // inet_pton would stop there and accept what comes before.
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  std::memcpy(zero_ended, text.data(), text.size());
  zero_ended[text.size()] = '\0';

  in6_addr ip6;
  if (inet_pton(AF_INET6, zero_ended, &ip6) != 1 || IN6_IS_ADDR_V4MAPPED(&ip6)) return std::nullopt;
  std::array<uint8_t, 16> octets;
  std::memcpy(octets.data(), &ip6, octets.size());
  return v6(octets, port);
}

std::optional<SockAddress> SockAddress::parse(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  // An IPv6 literal needs its brackets here, or its last group would be taken for a port.
  if (host.find(':') != std::string_view::npos && host.front() != '[') return std::nullopt;

  uint16_t port = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (fault != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return parse_ip(host, port);
}

SockAddress SockAddress::from(const sockaddr_storage& native) {
  if (native.ss_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, &native, sizeof in);
    return v4(ntohl(in.sin_addr.s_addr), ntohs(in.sin_port));
  }
  if (native.ss_family == AF_INET6) {
    sockaddr_in6 in6;
    std::memcpy(&in6, &native, sizeof in6);
    std::array<uint8_t, 16> octets;
    std::memcpy(octets.data(), &in6.sin6_addr, octets.size());
    return v6(octets, ntohs(in6.sin6_port));
  }
  return {};
}

socklen_t SockAddress::to(sockaddr_storage& native) const {
  std::memset(&native, 0, sizeof(sockaddr_in6));
  if (is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port_);
    std::memcpy(&in.sin_addr, ip_.data(), sizeof in.sin_addr);
    std::memcpy(&native, &in, sizeof in);
    return sizeof in;
  }
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(port_);
  std::memcpy(&in6.sin6_addr, ip_.data(), sizeof in6.sin6_addr);
  std::memcpy(&native, &in6, sizeof in6);
  return sizeof in6;
}

SockAddress SockAddress::with_port(uint16_t port) const {
  SockAddress other = *this;
  other.port_ = port;
  return other;
}

bool SockAddress::is_wildcard() const {
  return family_ != Family::None &&
         std::all_of(ip_.begin(), ip_.end(), [](uint8_t octet) { return octet == 0; });
}

bool SockAddress::is_loopback() const {
  if (is_v4()) return ip_[0] == 127;
  return std::all_of(ip_.begin(), ip_.end() - 1, [](uint8_t octet) { return octet == 0; }) &&
         ip_[15] == 1;
}

bool SockAddress::is_private() const {
  if (is_v6()) return (ip_[0] & 0xfe) == 0xfc;  // fc00::/7
  if (!is_v4()) return false;
  return ip_[0] == 10 ||                              // 10.0.0.0/8
         (ip_[0] == 172 && (ip_[1] & 0xf0) == 16) ||  // 172.16.0.0/12
         (ip_[0] == 192 && ip_[1] == 168) ||          // 192.168.0.0/16
         (ip_[0] == 100 && (ip_[1] & 0xc0) == 64);    // 100.64.0.0/10
}

bool SockAddress::is_link_local() const {
  if (is_v6()) return ip_[0] == 0xfe && (ip_[1] & 0xc0) == 0x80;  // fe80::/10
  return is_v4() && ip_[0] == 169 && ip_[1] == 254;               // 169.254.0.0/16
}

bool SockAddress::is_of_one_host() const {
  if (family_ == Family::None || is_wildcard() || is_link_local()) return false;
  return is_v6() ? ip_[0] != 0xff : ip_[0] != 0 && ip_[0] < 224;
}

std::string_view SockAddress::ip_octets() const {
  const size_t length = is_v4() ? 4 : is_v6() ? 16 : 0;
  return {reinterpret_cast<const char*>(ip_.data()), length};
}

SockAddress::Text SockAddress::ip_text() const {
  Text out;
  if (family_ == Family::None) return out;
  if (is_v4()) {  // inet_ntop costs several times as much, and this is written into every message
    char text[INET_ADDRSTRLEN];
    char* end = put_group(text, ip_[0]);
    for (size_t i = 1; i < 4; ++i) {
      *end++ = '.';
      end = put_group(end, ip_[i]);
    }
    out.append({text, static_cast<size_t>(end - text)});
    return out;
  }
  char text[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, ip_.data(), text, sizeof text);
  out.append(text);
  return out;
}

SockAddress::Text SockAddress::host_text() const {
  if (!is_v6()) return ip_text();
  Text out;
  out.append("[");
  out.append(ip_text());
  out.append("]");
  return out;
}

SockAddress::Text SockAddress::text() const {
  Text out = host_text();
  out.append(":");
  out.append_number(port_);
  return out;
}

uint64_t SockAddress::hash() const {
  return hash_octets(ip_octets(), port_);
}

}  // namespace siplb
