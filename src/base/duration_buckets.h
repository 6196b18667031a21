// How durations are spread over a few fixed buckets, for series that there are thousands of.
//
// A Histogram has 8 KiB; this has 104 octets, and its buckets are those that operators look at.
// Thread: one writer, any reader.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/counter.h"
#include "base/time.h"

namespace siplb {

class DurationBuckets {
 public:
  // Upper bounds, inclusive; one further bucket takes what is longer.
  static constexpr std::array<std::chrono::milliseconds, 11> kBounds = {
      std::chrono::milliseconds(5),    std::chrono::milliseconds(10),
      std::chrono::milliseconds(25),   std::chrono::milliseconds(50),
      std::chrono::milliseconds(100),  std::chrono::milliseconds(250),
      std::chrono::milliseconds(500),  std::chrono::milliseconds(1000),
      std::chrono::milliseconds(2500), std::chrono::milliseconds(5000),
      std::chrono::milliseconds(10000)};

  // A negative duration counts as 0.
  void record(Duration duration) {
    const auto at = std::lower_bound(kBounds.begin(), kBounds.end(), duration);
    counters_[static_cast<size_t>(at - kBounds.begin())].add();
    sum_.add(static_cast<uint64_t>(std::max(duration, Duration::zero()).count()));
  }

  // How many lie in bucket i; kBounds.size() is the last.
  [[nodiscard]] uint64_t count_in(size_t bucket) const { return counters_[bucket].value(); }
  [[nodiscard]] uint64_t sum_ns() const { return sum_.value(); }

 private:
  std::array<Counter, kBounds.size() + 1> counters_;
  Counter sum_;
};

}  // namespace siplb
