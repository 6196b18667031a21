// An IPv4 or IPv6 address with a port: a value that copies, compares and hashes.
//
// Thread: any. Bounds: 20 octets, no heap.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include <netinet/in.h>

#include "base/fixed_string.h"

namespace siplb {

class SockAddress {
 public:
  enum class Family : uint8_t { None, V4, V6 };
  // "[ffff:…:ffff]:65535"
  using Text = FixedString<48>;

  SockAddress() = default;

  [[nodiscard]] static SockAddress v4(uint32_t host_order_ip, uint16_t port);
  [[nodiscard]] static SockAddress v6(const std::array<uint8_t, 16>& ip, uint16_t port);

  // Reads an address literal without port: "10.0.0.1", "2001:db8::1" or "[2001:db8::1]".
  // IPv4-mapped IPv6 addresses and scope ids are refused.
  [[nodiscard]] static std::optional<SockAddress> parse_ip(std::string_view text, uint16_t port);
  // Reads "10.0.0.1:5060" or "[2001:db8::1]:5060"; the port is required.
  [[nodiscard]] static std::optional<SockAddress> parse(std::string_view text);
  // Any other family than AF_INET and AF_INET6 gives an address of Family::None.
  [[nodiscard]] static SockAddress from(const sockaddr_storage& native);

  // Writes the kernel's form and returns its length. Requires: a family.
  socklen_t to(sockaddr_storage& native) const;

  [[nodiscard]] Family family() const { return family_; }
  [[nodiscard]] bool is_v4() const { return family_ == Family::V4; }
  [[nodiscard]] bool is_v6() const { return family_ == Family::V6; }
  [[nodiscard]] uint16_t port() const { return port_; }
  [[nodiscard]] SockAddress with_port(uint16_t port) const;
  [[nodiscard]] bool same_ip(const SockAddress& other) const {
    return family_ == other.family_ && ip_ == other.ip_;
  }
  [[nodiscard]] bool is_wildcard() const;
  [[nodiscard]] bool is_loopback() const;
  // Not routed in the internet: RFC 1918, a carrier's NAT (RFC 6598), unique local (RFC 4193).
  [[nodiscard]] bool is_private() const;
  [[nodiscard]] bool is_link_local() const;
  // What another host may have for its own: no multicast, broadcast, reserved or link-local
  // address, and none of 0.0.0.0/8 or ::.
  [[nodiscard]] bool is_of_one_host() const;

  // The address octets in network order: 4, 16 or 0 of them.
  [[nodiscard]] std::string_view ip_octets() const;

  // Without and with port; ip_text() writes IPv6 without brackets, host_text() with.
  [[nodiscard]] Text ip_text() const;
  [[nodiscard]] Text host_text() const;
  [[nodiscard]] Text text() const;

  // Unkeyed: for tables that outsiders cannot fill at will.
  [[nodiscard]] uint64_t hash() const;

  bool operator==(const SockAddress&) const = default;

 private:
  std::array<uint8_t, 16> ip_{};  // network order; IPv4 in the first four
  uint16_t port_ = 0;
  Family family_ = Family::None;
};
static_assert(sizeof(SockAddress) == 20);

}  // namespace siplb
