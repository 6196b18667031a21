#include "balance/round_robin.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace siplb::balance {
namespace {

std::vector<uint16_t> take_turns(RoundRobin& turns, size_t count) {
  std::vector<uint16_t> taken;
  for (size_t i = 0; i < count; ++i) taken.push_back(turns.take_turn());
  return taken;
}

TEST(RoundRobinTest, EqualWeightsTakeTurnsInOrder) {
  RoundRobin turns(std::vector<uint32_t>{100, 100, 100});
  EXPECT_EQ(take_turns(turns, 6), (std::vector<uint16_t>{0, 1, 2, 0, 1, 2}));
}

TEST(RoundRobinTest, TurnsOfAHeavyMemberAreSpreadOut) {
  RoundRobin turns(std::vector<uint32_t>{5, 1, 1});
  EXPECT_EQ(take_turns(turns, 7), (std::vector<uint16_t>{0, 0, 1, 0, 2, 0, 0}));
}

TEST(RoundRobinTest, OneMemberTakesEveryTurn) {
  RoundRobin turns(std::vector<uint32_t>{1000});
  EXPECT_EQ(take_turns(turns, 3), (std::vector<uint16_t>{0, 0, 0}));
}

TEST(RoundRobinTest, WeightlessMemberNeverTakesATurn) {
  RoundRobin turns(std::vector<uint32_t>{0, 1, 0});
  EXPECT_EQ(take_turns(turns, 3), (std::vector<uint16_t>{1, 1, 1}));
}

TEST(RoundRobinTest, LargestWeightsOfAllDoNotOverflow) {
  RoundRobin turns(std::vector<uint32_t>(4096, 1000));
  for (uint16_t expected = 0; expected < 4096; ++expected) ASSERT_EQ(turns.take_turn(), expected);
  EXPECT_EQ(turns.take_turn(), 0);
}

// For any weights: over sum(weights) turns each member has exactly its weight of them, then all
// begins anew; and at no moment is a member far from its due.
TEST(RoundRobinTest, EveryRoundGivesExactlyTheWeightsAndNobodyWaitsLong) {
  constexpr uint32_t kSeed = 20;
  std::mt19937 random(kSeed);
  double lag_max = 0;
  for (int run = 0; run < 50; ++run) {
    std::vector<uint32_t> weights(1 + random() % 12);
    for (uint32_t& weight : weights) weight = static_cast<uint32_t>(random() % 101);
    weights[random() % weights.size()] = 100;
    const uint32_t sum = std::accumulate(weights.begin(), weights.end(), 0u);
    RoundRobin turns(weights);

    std::vector<uint32_t> taken(weights.size());
    std::vector<uint16_t> first_round;
    for (uint32_t turn = 1; turn <= sum; ++turn) {
      first_round.push_back(turns.take_turn());
      ++taken[first_round.back()];
      for (size_t i = 0; i < weights.size(); ++i) {
        const double due = static_cast<double>(turn) * weights[i] / sum;
        lag_max = std::max(lag_max, std::abs(due - taken[i]));
      }
    }
    EXPECT_EQ(taken, weights) << "seed " << kSeed << ", run " << run;
    EXPECT_EQ(take_turns(turns, sum), first_round) << "seed " << kSeed << ", run " << run;
  }
  std::printf("largest distance from a member's due: %.2f turns\n", lag_max);
  EXPECT_LT(lag_max, 1);
}

}  // namespace
}  // namespace siplb::balance
