// Text of bounded length in place: for labels, addresses and header text built without the heap.
//
// Thread: any, as any value. Bounds: its capacity, asserted.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "base/assert.h"

namespace siplb {

template <size_t kCapacity>
class FixedString {
 public:
  FixedString() = default;

  [[nodiscard]] static constexpr size_t capacity() { return kCapacity; }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] size_t room() const { return kCapacity - size_; }
  [[nodiscard]] std::string_view view() const { return {octets_.data(), size_}; }
  operator std::string_view() const { return view(); }  // NOLINT: meant to read as text

  void clear() { size_ = 0; }

  // Requires: room() >= text.size(). Where the length comes from outside use try_append.
  void append(std::string_view text) {
    SIPLB_ASSERT(text.size() <= room());
    size_ += text.copy(octets_.data() + size_, text.size());
  }

  [[nodiscard]] bool try_append(std::string_view text) {
    if (text.size() > room()) return false;
    append(text);
    return true;
  }

  void append_number(unsigned long long number) {
    std::array<char, 20> digits;
    size_t at = digits.size();
    do {
      digits[--at] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    append({digits.data() + at, digits.size() - at});
  }

  bool operator==(std::string_view other) const { return view() == other; }
  bool operator==(const FixedString& other) const { return view() == other.view(); }

 private:
  std::array<char, kCapacity> octets_;
  size_t size_ = 0;
};

}  // namespace siplb
