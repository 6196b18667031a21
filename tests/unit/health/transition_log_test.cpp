#include "health/transition_log.h"

#include <gtest/gtest.h>

namespace siplb::health {
namespace {

Transition numbered(size_t n) {
  return {.at = Instant(std::chrono::seconds(n))};
}

TEST(TransitionLogTest, IsEmptyAtFirst) {
  EXPECT_TRUE(TransitionLog(1).of(0).empty());
}

TEST(TransitionLogTest, TellsTheOldestFirst) {
  TransitionLog log(2);
  log.add(1, {.at = Instant(std::chrono::seconds(1)), .reason = balance::HealthReason::Refused});
  log.add(1, numbered(2));
  const auto transitions = log.of(1);
  ASSERT_EQ(transitions.size(), 2u);
  EXPECT_EQ(transitions[0].reason, balance::HealthReason::Refused);
  EXPECT_EQ(transitions[1].at, numbered(2).at);
  EXPECT_TRUE(log.of(0).empty());
}

TEST(TransitionLogTest, ForgetsTheOldestWhenFull) {
  TransitionLog log(1);
  for (size_t n = 0; n < TransitionLog::kKept; ++n) log.add(0, numbered(n));
  EXPECT_EQ(log.of(0).front().at, numbered(0).at);
  log.add(0, numbered(TransitionLog::kKept));
  const auto transitions = log.of(0);
  ASSERT_EQ(transitions.size(), TransitionLog::kKept);
  EXPECT_EQ(transitions.front().at, numbered(1).at);
  EXPECT_EQ(transitions.back().at, numbered(TransitionLog::kKept).at);
}

}  // namespace
}  // namespace siplb::health
