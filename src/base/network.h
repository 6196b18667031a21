// An IP network, as an operator writes it: "10.0.0.0/8", "2001:db8::/32", or one address.
//
// Thread: any. Bounds: constant size, no heap.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/address.h"

namespace siplb {

class Network {
 public:
  // Holds no address.
  Network() = default;
  // Nothing where the text is no network: no prefix length from 0 to 32 or 128, or octets of the
  // address set beyond it ("10.0.0.1/8" is a slip of somebody's pen). An address alone is a network
  // of its own.
  [[nodiscard]] static std::optional<Network> parse(std::string_view text);

  // Whatever the port.
  [[nodiscard]] bool contains(const SockAddress& address) const;
  [[nodiscard]] SockAddress::Family family() const { return first_.family(); }
  [[nodiscard]] uint8_t prefix_length() const { return prefix_length_; }

  bool operator==(const Network&) const = default;

 private:
  SockAddress first_;  // port 0
  uint8_t prefix_length_ = 0;
};

// True where one of them does.
[[nodiscard]] bool any_contains(std::span<const Network> networks, const SockAddress& address);

}  // namespace siplb
