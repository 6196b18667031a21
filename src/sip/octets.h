// Numbers and octets in a fixed layout, big-endian: the inside of the seal's texts.
//
// Thread: any. Bounds: the writer asserts its capacity, since what is written is ours; the reader
// takes any input and never reads past it.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/address.h"
#include "base/assert.h"

namespace siplb::sip {

[[nodiscard]] inline std::string_view as_text(std::span<const uint8_t> octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

template <size_t kCapacity>
class OctetWriter {
 public:
  // Requires: room for them.
  template <std::unsigned_integral T, size_t kOctets = sizeof(T)>
  void put(T number) {
    SIPLB_ASSERT(kOctets <= kCapacity - size_);
    for (size_t i = kOctets; i-- > 0;) {
      octets_[size_++] = static_cast<uint8_t>(uint64_t{number} >> (8 * i));
    }
  }
  void put_octets(std::string_view octets) {
    SIPLB_ASSERT(octets.size() <= kCapacity - size_);
    std::copy(octets.begin(), octets.end(), octets_.begin() + size_);
    size_ += octets.size();
  }

  [[nodiscard]] std::span<const uint8_t> octets() const { return {octets_.data(), size_}; }

 private:
  std::array<uint8_t, kCapacity> octets_;
  size_t size_ = 0;
};

class OctetReader {
 public:
  explicit OctetReader(std::span<const uint8_t> octets) : rest_(octets) {}

  // Zero where the octets end before; so that a layout is read in one go and judged by ok().
  template <std::unsigned_integral T, size_t kOctets = sizeof(T)>
  [[nodiscard]] T take() {
    uint64_t number = 0;
    for (const uint8_t octet : take_octets(kOctets)) number = number << 8 | octet;
    return static_cast<T>(number);
  }
  // Empty where fewer are left.
  [[nodiscard]] std::span<const uint8_t> take_octets(size_t count) {
    if (count > rest_.size()) {
      ok_ = false;
      return {};
    }
    const std::span<const uint8_t> taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  // False once more was asked for than there was.
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] size_t remaining() const { return rest_.size(); }

 private:
  std::span<const uint8_t> rest_;
  bool ok_ = true;
};

// An address without port, as put_octets(ip_octets()) wrote it. Requires: V4 or V6.
[[nodiscard]] inline SockAddress take_ip(OctetReader& reader, SockAddress::Family family) {
  if (family == SockAddress::Family::V4) return SockAddress::v4(reader.take<uint32_t>(), 0);
  std::array<uint8_t, 16> ip{};
  const std::span<const uint8_t> octets = reader.take_octets(ip.size());
  std::copy(octets.begin(), octets.end(), ip.begin());
  return SockAddress::v6(ip, 0);
}

}  // namespace siplb::sip
