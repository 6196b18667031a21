// A rate that all lanes share: at most so many a second, after a quiet time a second's worth at
// once.
//
// The generic cell rate algorithm: one number, the time up to which what was admitted has used the
// rate. Exact over all threads, without a lock.
// Thread: any. Bounds: 16 octets.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/time.h"

namespace siplb::balance {

class RateLimit {
 public:
  // Requires: above 0.
  explicit RateLimit(uint32_t per_second);
  RateLimit(const RateLimit&) = delete;
  RateLimit& operator=(const RateLimit&) = delete;

  // True where one more is within the rate; it is counted then.
  [[nodiscard]] bool admit(Instant now);

 private:
  const int64_t interval_;           // nanoseconds
  std::atomic<int64_t> used_up_to_;  // nanoseconds of the clock
};

}  // namespace siplb::balance
