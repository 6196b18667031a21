#include "balance/round_robin.h"

#include <algorithm>

#include "base/assert.h"

namespace siplb::balance {

RoundRobin::RoundRobin(std::span<const uint32_t> weights) {
  members_.reserve(weights.size());
  for (const uint32_t weight : weights) {
    members_.push_back({.weight = static_cast<int32_t>(weight), .credit = 0});
    weight_sum_ += static_cast<int32_t>(weight);
  }
  SIPLB_ASSERT(weight_sum_ > 0);
}

uint16_t RoundRobin::take_turn() {
  for (Member& member : members_) member.credit += member.weight;
  // The credits now add up to weight_sum_, so the richest has more than the 0 of weightless ones.
  const auto richest =
      std::max_element(members_.begin(), members_.end(),
                       [](const Member& a, const Member& b) { return a.credit < b.credit; });
  richest->credit -= weight_sum_;
  return static_cast<uint16_t>(richest - members_.begin());
}

}  // namespace siplb::balance
