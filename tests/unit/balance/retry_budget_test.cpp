#include "balance/retry_budget.h"

#include <array>
#include <cstdio>
#include <vector>

#include <gtest/gtest.h>

namespace siplb::balance {
namespace {

using std::chrono::seconds;

constexpr Instant kStart{std::chrono::hours(1)};
constexpr uint64_t kFull = 1200;  // what the floor earns in its depth

uint64_t spend_all(RetryBudget& budget, Instant now) {
  uint64_t spent = 0;
  while (budget.try_spend(now)) ++spent;
  return spent;
}

void send(RetryBudget& budget, int requests, Instant now) {
  for (int i = 0; i < requests; ++i) budget.on_request(now);
}

// Steady load, evenly spread over each second.
struct Load {
  int requests_per_second;
  int requests_per_retry;  // every n-th of them wants one
  int seconds;
};
struct Outcome {
  uint64_t requests = 0;
  uint64_t spent = 0;
  uint64_t refused = 0;
};

Outcome run(RetryBudget& budget, const Load& load, Instant begin) {
  Outcome outcome;
  const Duration gap = Duration(seconds(1)) / load.requests_per_second;
  for (int second = 0; second < load.seconds; ++second) {
    for (int i = 0; i < load.requests_per_second; ++i) {
      const Instant now = begin + seconds(second) + i * gap;
      budget.on_request(now);
      if (++outcome.requests % static_cast<uint64_t>(load.requests_per_retry) != 0) continue;
      ++(budget.try_spend(now) ? outcome.spent : outcome.refused);
    }
  }
  return outcome;
}

TEST(RetryBudgetTest, StartsFullAndEndsEmpty) {
  RetryBudget budget(20, 1, kStart);
  EXPECT_EQ(spend_all(budget, kStart), kFull);
  EXPECT_FALSE(budget.try_spend(kStart));
}

TEST(RetryBudgetTest, KnowsItsPercentage) {
  for (const uint8_t percent : std::to_array<uint8_t>({0, 1, 20, 100})) {
    EXPECT_EQ(RetryBudget(percent, 7, kStart).percent(), percent);
  }
}

TEST(RetryBudgetTest, LanesShareTheFloor) {
  for (const uint32_t lanes : {1u, 4u, 64u}) {
    std::vector<RetryBudget> budgets(lanes, RetryBudget(20, lanes, kStart));
    uint64_t at_start = 0;
    uint64_t later = 0;
    for (RetryBudget& budget : budgets) at_start += spend_all(budget, kStart);
    for (RetryBudget& budget : budgets) later += spend_all(budget, kStart + seconds(32));
    // Each lane keeps less than one retry for itself.
    EXPECT_LE(at_start, kFull);
    EXPECT_GT(at_start, kFull - lanes);
    EXPECT_LE(at_start + later, kFull + 320);
    EXPECT_GT(at_start + later, kFull + 320 - lanes);
  }
}

TEST(RetryBudgetTest, PaysTheFloorOutOnlyAtTheEndOfASecond) {
  RetryBudget budget(20, 1, kStart);
  spend_all(budget, kStart);
  EXPECT_FALSE(budget.try_spend(kStart + seconds(1) - Duration(1)));
  EXPECT_EQ(spend_all(budget, kStart + seconds(1)), 10u);
  EXPECT_FALSE(budget.try_spend(kStart + seconds(2) - Duration(1)));
  EXPECT_EQ(spend_all(budget, kStart + seconds(2)), 10u);
}

TEST(RetryBudgetTest, RequestsEarnTheirPercentageOnceItIsAboveTheFloor) {
  struct Case {
    const char* description;
    int requests;
    uint64_t earned;
  };
  for (const Case& c : {Case{"below the floor", 49, 10}, Case{"at the floor", 50, 10},
                        Case{"one retry above it", 55, 11}, Case{"far above it", 1000, 200}}) {
    RetryBudget budget(20, 1, kStart);
    spend_all(budget, kStart);
    send(budget, c.requests, kStart);
    EXPECT_EQ(spend_all(budget, kStart + seconds(1)), c.earned) << c.description;
  }
}

TEST(RetryBudgetTest, PartsOfARetryAddUp) {
  RetryBudget budget(1, 1, kStart);
  spend_all(budget, kStart);
  send(budget, 1050, kStart);
  EXPECT_EQ(spend_all(budget, kStart + seconds(1)), 10u);
  send(budget, 1050, kStart + seconds(1));
  EXPECT_EQ(spend_all(budget, kStart + seconds(2)), 11u);
}

TEST(RetryBudgetTest, HoldsTwentySecondsOfWhatTrafficEarned) {
  RetryBudget budget(20, 1, kStart);
  for (int second = 0; second < 30; ++second) send(budget, 1000, kStart + seconds(second));
  EXPECT_EQ(spend_all(budget, kStart + seconds(30)), 4000u);
}

TEST(RetryBudgetTest, HoldsNoMoreThanTheFloorsDepthOfLittleTraffic) {
  RetryBudget budget(20, 1, kStart);
  for (int second = 0; second < 30; ++second) send(budget, 100, kStart + seconds(second));
  EXPECT_EQ(spend_all(budget, kStart + seconds(30)), kFull);
}

TEST(RetryBudgetTest, ShrinksWithTheTraffic) {
  RetryBudget budget(20, 1, kStart);
  for (int second = 0; second < 30; ++second) send(budget, 1000, kStart + seconds(second));
  send(budget, 400, kStart + seconds(30));
  EXPECT_EQ(spend_all(budget, kStart + seconds(31)), 1600u);
}

TEST(RetryBudgetTest, IdleSecondsTakeWhatOnlyTrafficCouldHold) {
  RetryBudget budget(20, 1, kStart);
  for (int second = 0; second < 30; ++second) send(budget, 1000, kStart + seconds(second));
  EXPECT_EQ(spend_all(budget, kStart + seconds(31)), kFull);
}

TEST(RetryBudgetTest, IdleTimeFillsItUpAgainAndNoFurther) {
  RetryBudget budget(20, 1, kStart);
  spend_all(budget, kStart);
  EXPECT_EQ(spend_all(budget, kStart + seconds(7)), 70u);
  EXPECT_EQ(spend_all(budget, kStart + seconds(127)), kFull);
  // Second by second, these would be 6,311,390,400 steps.
  EXPECT_EQ(spend_all(budget, kStart + std::chrono::years(200)), kFull);
}

TEST(RetryBudgetTest, WithoutAPercentageThereAreNoRetries) {
  RetryBudget budget(0, 1, kStart);
  EXPECT_FALSE(budget.try_spend(kStart));
  EXPECT_FALSE(budget.is_ample(kStart));
  send(budget, 1000, kStart);
  EXPECT_FALSE(budget.try_spend(kStart + seconds(60)));
  EXPECT_FALSE(budget.is_ample(kStart + seconds(60)));
}

TEST(RetryBudgetTest, AllRequestsMayBeRetriesAtAHundredPercent) {
  RetryBudget budget(100, 1, kStart);
  const Outcome outcome =
      run(budget, {.requests_per_second = 500, .requests_per_retry = 1, .seconds = 60}, kStart);
  EXPECT_EQ(outcome.refused, 0u);
}

TEST(RetryBudgetTest, IsAmpleAboveHalfOfWhatItCanHold) {
  RetryBudget budget(20, 1, kStart);
  for (int i = 0; i < 599; ++i) ASSERT_TRUE(budget.try_spend(kStart));
  EXPECT_TRUE(budget.is_ample(kStart));
  ASSERT_TRUE(budget.try_spend(kStart));
  EXPECT_FALSE(budget.is_ample(kStart));
  EXPECT_TRUE(budget.is_ample(kStart + seconds(1)));
  // 610 + 200 are more than half of 1200, but traffic has made room for 4000.
  send(budget, 1000, kStart + seconds(1));
  EXPECT_FALSE(budget.is_ample(kStart + seconds(2)));
}

TEST(RetryBudgetTest, AnInstantBeforeTheLastChangesNothing) {
  RetryBudget budget(20, 1, kStart);
  spend_all(budget, kStart);
  EXPECT_FALSE(budget.try_spend(kStart - seconds(60)));
  EXPECT_EQ(spend_all(budget, kStart + seconds(1)), 10u);
}

// One silent server of three, until health takes it out (SIP.md 6).
TEST(RetryBudgetTest, ASilentThirdOfThreeHundredPerSecondIsServedForTenSecondsFromTheStart) {
  RetryBudget budget(20, 1, kStart);
  const Outcome outcome =
      run(budget, {.requests_per_second = 300, .requests_per_retry = 3, .seconds = 10}, kStart);
  const uint64_t left = spend_all(budget, kStart + seconds(10) - Duration(1));
  std::printf(
      "300/s, a third wants a retry, 10 s from the start: %llu spent, %llu refused, "
      "%llu left\n",
      static_cast<unsigned long long>(outcome.spent),
      static_cast<unsigned long long>(outcome.refused), static_cast<unsigned long long>(left));
  EXPECT_EQ(outcome.spent, 1000u);
  EXPECT_EQ(outcome.refused, 0u);
  EXPECT_EQ(left, kFull + 9 * 60 - 1000);
}

// A slow pool: all servers have lost the patience of those in front of them.
TEST(RetryBudgetTest, RetriesAreAFifthOfTheLoadAndTheDepthWhenAllWantOne) {
  RetryBudget budget(20, 1, kStart);
  const Outcome outcome =
      run(budget, {.requests_per_second = 1000, .requests_per_retry = 1, .seconds = 1000}, kStart);
  std::printf("1000/s, all want a retry, 1000 s: %llu requests, %llu retries = %.4f of them\n",
              static_cast<unsigned long long>(outcome.requests),
              static_cast<unsigned long long>(outcome.spent),
              static_cast<double>(outcome.spent) / static_cast<double>(outcome.requests));
  // Nothing is lost or made by rounding: all that was held and paid out, to one.
  EXPECT_EQ(outcome.spent, kFull + 999 * 200);
}

}  // namespace
}  // namespace siplb::balance
