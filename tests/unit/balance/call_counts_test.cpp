#include "balance/call_counts.h"

#include <thread>

#include <gtest/gtest.h>

namespace siplb::balance {
namespace {

constexpr ServerIndex kOne = 1;

TEST(CallCountsTest, BeginsEmpty) {
  const CallCounts counts(2);
  EXPECT_EQ(counts.server_count(), 2u);
  EXPECT_EQ(counts.calls(kOne), 0u);
  EXPECT_EQ(counts.underflow_count(), 0u);
}

TEST(CallCountsTest, CallGoesFromReservedToActiveToNothing) {
  CallCounts counts(2);
  EXPECT_TRUE(counts.try_reserve(kOne, 5));
  EXPECT_EQ(counts.reserved(kOne), 1u);
  EXPECT_EQ(counts.active(kOne), 0u);
  counts.activate(kOne);
  EXPECT_EQ(counts.reserved(kOne), 0u);
  EXPECT_EQ(counts.active(kOne), 1u);
  EXPECT_EQ(counts.calls(kOne), 1u);
  counts.release(kOne, CallState::Active);
  EXPECT_EQ(counts.calls(kOne), 0u);
  EXPECT_EQ(counts.calls(0), 0u);
  EXPECT_EQ(counts.underflow_count(), 0u);
}

TEST(CallCountsTest, FullTakesNoMoreUntilOneIsGivenBack) {
  CallCounts counts(2);
  EXPECT_TRUE(counts.try_reserve(kOne, 2));
  EXPECT_TRUE(counts.try_reserve(kOne, 2));
  counts.activate(kOne);
  EXPECT_FALSE(counts.try_reserve(kOne, 2));
  EXPECT_EQ(counts.calls(kOne), 2u);
  counts.release(kOne, CallState::Reserved);
  EXPECT_TRUE(counts.try_reserve(kOne, 2));
  EXPECT_FALSE(counts.try_reserve(kOne, 2));
}

TEST(CallCountsTest, NoLimitIsNoLimit) {
  CallCounts counts(2);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(counts.try_reserve(kOne, 0));
  EXPECT_EQ(counts.reserved(kOne), 1000u);
}

TEST(CallCountsTest, KnownCallsCountBeyondTheLimitAndTowardsIt) {
  CallCounts counts(2);
  EXPECT_TRUE(counts.try_reserve(kOne, 1));
  counts.add_active(kOne);
  EXPECT_EQ(counts.calls(kOne), 2u);
  counts.release(kOne, CallState::Reserved);
  EXPECT_FALSE(counts.try_reserve(kOne, 1));
}

TEST(CallCountsTest, WhatNobodyTookIsCountedAndChangesNothing) {
  CallCounts counts(2);
  counts.add_active(kOne);
  counts.release(kOne, CallState::Reserved);
  counts.activate(kOne);
  EXPECT_EQ(counts.underflow_count(), 2u);
  EXPECT_EQ(counts.active(kOne), 1u);
  EXPECT_EQ(counts.reserved(kOne), 0u);
  counts.release(kOne, CallState::Active);
  counts.release(kOne, CallState::Active);
  EXPECT_EQ(counts.underflow_count(), 3u);
  EXPECT_EQ(counts.calls(kOne), 0u);
}

TEST(CallCountsTest, ManyThreadsNeverTakeMoreThanTheLimit) {
  constexpr uint32_t kMax = 3;
  constexpr int kRounds = 20'000;
  CallCounts counts(2);
  std::atomic<uint32_t> held{0};
  std::atomic<uint32_t> held_too_many{0};
  const auto work = [&] {
    for (int round = 0; round < kRounds; ++round) {
      if (!counts.try_reserve(kOne, kMax)) continue;
      if (held.fetch_add(1) >= kMax) held_too_many.fetch_add(1);
      if (round % 2 == 0) counts.activate(kOne);
      held.fetch_sub(1);
      counts.release(kOne, round % 2 == 0 ? CallState::Active : CallState::Reserved);
    }
  };
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 2 * kMax; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(held_too_many.load(), 0u);
  EXPECT_EQ(counts.calls(kOne), 0u);
  EXPECT_EQ(counts.underflow_count(), 0u);
}

TEST(CallCountsTest, ConstructsWhatItSaysForTheBudget) {
  EXPECT_EQ(CallCounts::memory_octets(100), 100u * 64);
}

}  // namespace
}  // namespace siplb::balance
