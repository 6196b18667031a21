#include "balance/retry_budget.h"

#include <algorithm>

#include "base/assert.h"

namespace siplb::balance {
namespace {

constexpr Duration kSecond = std::chrono::seconds(1);
constexpr uint64_t kFloorSeconds = RetryBudget::kFloorDepth / kSecond;
constexpr uint64_t kEarnedSeconds = RetryBudget::kEarnedDepth / kSecond;

}  // namespace

RetryBudget::RetryBudget(uint8_t percent, uint32_t lane_count, Instant now)
    : price_(uint64_t{100} * lane_count),
      per_request_(uint64_t{percent} * lane_count),
      floor_(percent == 0 ? 0 : kFloorPerSecond * 100),
      capacity_(floor_ * kFloorSeconds),
      balance_(capacity_),
      second_began_(now) {
  SIPLB_ASSERT(percent <= 100);
  SIPLB_ASSERT(lane_count > 0);
}

void RetryBudget::settle(Instant now) {
  const auto seconds = (now - second_began_) / kSecond;
  if (seconds <= 0) return;
  const uint64_t earned = std::max(request_count_ * per_request_, floor_);
  capacity_ = std::max(floor_ * kFloorSeconds, earned * kEarnedSeconds);
  balance_ = std::min(balance_ + earned, capacity_);
  // All seconds after the first were without requests.
  if (const auto idle = static_cast<uint64_t>(seconds - 1); idle > 0) {
    capacity_ = floor_ * kFloorSeconds;
    balance_ = std::min(balance_ + idle * floor_, capacity_);
  }
  request_count_ = 0;
  second_began_ += seconds * kSecond;
}

void RetryBudget::on_request(Instant now) {
  settle(now);
  ++request_count_;
}

bool RetryBudget::try_spend(Instant now) {
  settle(now);
  if (balance_ < price_) return false;
  balance_ -= price_;
  return true;
}

bool RetryBudget::is_ample(Instant now) {
  settle(now);
  return balance_ > capacity_ / 2;
}

}  // namespace siplb::balance
