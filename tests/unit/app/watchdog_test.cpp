#include "app/watchdog.h"

#include <array>

#include <gtest/gtest.h>

namespace siplb::app {
namespace {

using namespace std::chrono_literals;

// Two threads under a patience of 4 s: looks are a second apart, rounds two.
class WatchdogTest : public testing::Test {
 protected:
  enum class Did : uint8_t { Nothing, Kick, Alive, AliveAndKick };

  // A look `after` the last one.
  Did look(Duration after = 1s) {
    now_ += after;
    const Watchdog::Verdict verdict = watchdog_.look(now_, progress_);
    hung_ = verdict.hung;
    if (verdict.is_alive) return verdict.is_kick_due ? Did::AliveAndKick : Did::Alive;
    return verdict.is_kick_due ? Did::Kick : Did::Nothing;
  }
  void all_move() {
    for (uint64_t& ticks : progress_) ++ticks;
  }

  Watchdog watchdog_{4s, 2};
  std::array<uint64_t, 2> progress_{};
  std::optional<size_t> hung_;
  Instant now_{};
};

TEST_F(WatchdogTest, LooksFourTimesWithinThePatience) {
  EXPECT_EQ(watchdog_.look_interval(), 1s);
}

TEST_F(WatchdogTest, SaysAliveOncePerRoundWhenAllHaveCounted) {
  EXPECT_EQ(look(), Did::Kick);
  for (int round = 0; round < 3; ++round) {
    all_move();
    EXPECT_EQ(look(), Did::Alive);
    all_move();
    EXPECT_EQ(look(), Did::Kick) << "and no second word in this round";
  }
  EXPECT_FALSE(hung_);
}

TEST_F(WatchdogTest, OneThreadThatDoesNotCountSilencesAll) {
  EXPECT_EQ(look(), Did::Kick);
  for (int round = 0; round < 3; ++round) {
    ++progress_[0];
    EXPECT_EQ(look(), Did::Nothing);
    ++progress_[0];
    EXPECT_EQ(look(), Did::Kick) << "it is kicked again";
    EXPECT_EQ(hung_, 1U);
  }
}

TEST_F(WatchdogTest, NamesNobodyWhoCountsLateInTheRound) {
  EXPECT_EQ(look(), Did::Kick);
  EXPECT_EQ(look(), Did::Nothing);
  all_move();
  EXPECT_EQ(look(), Did::AliveAndKick);
  EXPECT_FALSE(hung_);
}

TEST_F(WatchdogTest, IsAliveAgainAsSoonAsTheThreadIs) {
  EXPECT_EQ(look(), Did::Kick);
  ++progress_[0];
  EXPECT_EQ(look(), Did::Nothing);
  EXPECT_EQ(look(), Did::Kick);
  ++progress_[1];
  EXPECT_EQ(look(), Did::Alive) << "thread 0 has counted since the round began";
  all_move();
  EXPECT_EQ(look(), Did::Kick);
}

TEST_F(WatchdogTest, WhatCountedBeforeTheKickProvesNothing) {
  all_move();
  EXPECT_EQ(look(), Did::Kick);
  EXPECT_EQ(look(), Did::Nothing);
  EXPECT_EQ(look(), Did::Kick);
  EXPECT_EQ(hung_, 0U);
}

TEST_F(WatchdogTest, IsAliveOnceAfterAPauseOfTheWholeProcess) {
  EXPECT_EQ(look(), Did::Kick);
  all_move();
  EXPECT_EQ(look(60s), Did::AliveAndKick);
  EXPECT_EQ(look(), Did::Nothing);
}

TEST_F(WatchdogTest, ThreadsMayCountAtDifferentTimesOfARound) {
  EXPECT_EQ(look(), Did::Kick);
  std::optional<Instant> told_at;
  // Each counts just before every second look, never both.
  for (int i = 0; i < 40; ++i) {
    ++progress_[static_cast<size_t>(i) % 2];
    const Did did = look();
    if (did != Did::Alive && did != Did::AliveAndKick) continue;
    if (told_at) {
      EXPECT_EQ(now_ - *told_at, 2s);
    }
    told_at = now_;
  }
  EXPECT_TRUE(told_at);
}

}  // namespace
}  // namespace siplb::app
