// Counters that one thread writes and any thread may read.
//
// A single writer needs no read-modify-write: a relaxed load and store cost what a plain addition
// costs, and a reader never sees a torn value.
// Thread: one writer, any reader.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace siplb {

class Counter {
 public:
  void add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// One counter per enumerator; the enum ends in kCount.
template <class Enum>
class CounterArray {
 public:
  static constexpr size_t kSize = static_cast<size_t>(Enum::kCount);

  Counter& operator[](Enum index) { return counters_[static_cast<size_t>(index)]; }
  const Counter& operator[](Enum index) const { return counters_[static_cast<size_t>(index)]; }

  [[nodiscard]] uint64_t sum() const {
    uint64_t total = 0;
    for (const Counter& counter : counters_) total += counter.value();
    return total;
  }

 private:
  std::array<Counter, kSize> counters_;
};

}  // namespace siplb
