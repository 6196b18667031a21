// Smooth weighted round robin: a server of weight w gets w of every sum(weights) turns, spread out.
//
// Thread: one (each lane has its own turns). Bounds: 8 octets per server, no heap after the
// constructor.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace siplb::balance {

class RoundRobin {
 public:
  // Requires: one weight above 0.
  explicit RoundRobin(std::span<const uint32_t> weights);

  // Takes the next turn and returns the member's position; never one of weight 0.
  [[nodiscard]] uint16_t take_turn();

 private:
  struct Member {
    int32_t weight;
    int32_t credit;
  };
  std::vector<Member> members_;
  int32_t weight_sum_ = 0;
};

}  // namespace siplb::balance
