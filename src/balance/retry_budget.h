// How many of a group's requests may be sent a second time: a slow pool must not get its load
// tripled by those who have lost patience (SIP.md 6).
//
// A token bucket: each request earns `percent` of a retry, and no second earns less than the floor.
// Earnings are paid out at the end of each second. It starts full. It holds what kFloorDepth of the
// floor earns, or kEarnedDepth of what traffic earned in the last second, whichever is more: so a
// silent server's share is saved until health has taken it out, also right after a start. One for
// each group and lane: calls are spread over lanes by a hash, so the shares add up. Pure: `now`
// comes from outside. Thread: one, the lane's worker. Bounds: constant.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace siplb::balance {

class RetryBudget {
 public:
  static constexpr uint64_t kFloorPerSecond = 10;  // of a whole group
  static constexpr Duration kFloorDepth = std::chrono::seconds(120);
  static constexpr Duration kEarnedDepth = std::chrono::seconds(20);

  // `lane_count` shares the floor out. Without a percentage there is no floor either: no retries.
  // Requires: percent <= 100, lane_count > 0.
  RetryBudget(uint8_t percent, uint32_t lane_count, Instant now);

  [[nodiscard]] uint8_t percent() const {
    return static_cast<uint8_t>(per_request_ * 100 / price_);
  }

  // A request of the group was sent for the first time.
  void on_request(Instant now);
  // Takes one retry; false where there is none left.
  [[nodiscard]] bool try_spend(Instant now);
  // True while more than half of what it can hold is left.
  [[nodiscard]] bool is_ample(Instant now);

 private:
  // Pays out for the whole seconds that have passed.
  void settle(Instant now);

  // Amounts are in shares of a retry, 100 x lane_count to one: all of them are whole numbers, so
  // that nothing is lost by rounding.
  uint64_t price_;        // of one retry
  uint64_t per_request_;  // earned by one
  uint64_t floor_;        // earned by a second at least
  uint64_t capacity_;
  uint64_t balance_;
  uint64_t request_count_ = 0;  // in this second
  Instant second_began_;
};

}  // namespace siplb::balance
