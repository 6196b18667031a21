#include "base/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/assert.h"

namespace siplb {

void Histogram::record(uint64_t value) {
  value = std::min(value, kValueMax);
  buckets_[bucket_of(value)].add();
  sum_.add(value);
}

void Histogram::record(Duration duration) {
  record(static_cast<uint64_t>(std::max(duration, Duration::zero()).count()));
}

void Histogram::merge(const Histogram& other) {
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) buckets_[bucket].add(other.count_in(bucket));
  sum_.add(other.sum());
}

void Histogram::clear() {
  for (Counter& bucket : buckets_) bucket.set(0);
  sum_.set(0);
}

uint64_t Histogram::count() const {
  uint64_t count = 0;
  for (const Counter& bucket : buckets_) count += bucket.value();
  return count;
}

uint64_t Histogram::quantile(double q) const {
  SIPLB_ASSERT(q >= 0 && q <= 1);
  const double rank = std::max(1.0, std::ceil(q * static_cast<double>(count())));
  double passed = 0;
  for (size_t bucket = 0; bucket < kBuckets; ++bucket) {
    passed += static_cast<double>(count_in(bucket));
    if (passed >= rank) return lowest_of(bucket) + (lowest_of(bucket + 1) - lowest_of(bucket)) / 2;
  }
  return 0;
}

uint64_t Histogram::count_at_most(uint64_t bound) const {
  uint64_t count = 0;
  for (size_t bucket = 0; bucket < kBuckets && lowest_of(bucket + 1) - 1 <= bound; ++bucket) {
    count += count_in(bucket);
  }
  return count;
}

uint64_t Histogram::count_in(size_t bucket) const {
  const Counter& counter = buckets_[bucket];
  return counter.value();
}

// Below 32 each value has its bucket. Above, the five bits after the leading one count on from
// where the power of two before it ended.
size_t Histogram::bucket_of(uint64_t value) {
  if (value >> kStepBits == 0) return value;
  const auto shift = static_cast<uint32_t>(std::bit_width(value)) - 1 - kStepBits;
  return (size_t{shift} << kStepBits) + (value >> shift);
}

// The inverse; also of kBuckets, which gives kValueMax + 1.
uint64_t Histogram::lowest_of(size_t bucket) {
  if (bucket >> kStepBits <= 1) return bucket;
  const auto shift = static_cast<uint32_t>(bucket >> kStepBits) - 1;
  return uint64_t{bucket - (size_t{shift} << kStepBits)} << shift;
}

}  // namespace siplb
