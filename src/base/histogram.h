// How values are spread, from 0 to 2^36: for durations in nanoseconds that is 68 seconds.
//
// Log-linear, as HdrHistogram: 32 buckets to each power of two, so a bucket is at most 1/32 of its
// value wide and a quantile, given as a bucket's middle, at most 1.6 % off. Small values are exact.
// Thread: one writer (record, merge, clear), any reader. Bounds: 8 KiB, no heap.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/counter.h"
#include "base/time.h"

namespace siplb {

class Histogram {
 public:
  // Larger values count as this one, in sum() too.
  static constexpr uint64_t kValueMax = (uint64_t{1} << 36) - 1;

  void record(uint64_t value);
  // In nanoseconds; a negative duration counts as 0.
  void record(Duration duration);
  // Adds what `other` holds, which its writer may still be writing.
  void merge(const Histogram& other);
  void clear();

  [[nodiscard]] uint64_t count() const;
  [[nodiscard]] uint64_t sum() const { return sum_.value(); }
  // The value that the share `q` of all values does not exceed; 0 when there are none.
  // Requires: 0 <= q <= 1.
  [[nodiscard]] uint64_t quantile(double q) const;
  // How many values are at most `bound`: a Prometheus bucket. Values in the bound's own bucket
  // (within 3 %) may be left out.
  [[nodiscard]] uint64_t count_at_most(uint64_t bound) const;

 private:
  static constexpr uint32_t kStepBits = 5;
  static constexpr size_t kBuckets = (36 - kStepBits + 1) << kStepBits;

  [[nodiscard]] uint64_t count_in(size_t bucket) const;
  [[nodiscard]] static size_t bucket_of(uint64_t value);
  [[nodiscard]] static uint64_t lowest_of(size_t bucket);

  std::array<Counter, kBuckets> buckets_;
  Counter sum_;
};

}  // namespace siplb
