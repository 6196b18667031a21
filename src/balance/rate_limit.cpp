#include "balance/rate_limit.h"

#include <algorithm>
#include <chrono>

#include "base/assert.h"

namespace siplb::balance {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

int64_t nanoseconds_of(Instant now) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
}

}  // namespace

RateLimit::RateLimit(uint32_t per_second)
    : interval_(kSecond / per_second), used_up_to_(INT64_MIN / 2) {
  SIPLB_ASSERT(per_second > 0);
}

bool RateLimit::admit(Instant now) {
  const int64_t at = nanoseconds_of(now);
  int64_t used_up_to = used_up_to_.load(std::memory_order_relaxed);
  while (true) {
    const int64_t next = std::max(used_up_to, at) + interval_;
    if (next > at + std::max(kSecond, interval_)) return false;
    if (used_up_to_.compare_exchange_weak(used_up_to, next, std::memory_order_relaxed)) return true;
  }
}

}  // namespace siplb::balance
