#include "load/pacer.h"

#include <gtest/gtest.h>

namespace siplb::load {
namespace {

using namespace std::chrono_literals;

const Instant kStart = Instant{} + 1h;

TEST(PacerTest, OffersItsRateExactlyHoweverOftenItIsAsked) {
  for (const double rate : {0.5, 3.0, 50.0, 997.0, 20000.0}) {
    for (const Duration tick : {Duration(1ms), Duration(7ms)}) {
      Pacer pacer({.rate = rate}, kStart);
      uint64_t taken = 0;
      Instant now = kStart;
      for (; now < kStart + 10s; now += tick) taken += pacer.take(now, 0);
      // The last call is the one due at the last tick.
      const double elapsed = std::chrono::duration<double>(now - tick - kStart).count();
      EXPECT_EQ(taken, static_cast<uint64_t>(elapsed * rate) + 1) << rate;
    }
  }
}

TEST(PacerTest, WakesForTheNextCallAndNotBefore) {
  for (const double rate : {3.0, 7.0, 30.0, 1000.0, 44100.0}) {
    Pacer pacer({.rate = rate}, kStart);
    Instant now = kStart;
    EXPECT_EQ(pacer.take(now, 0), 1U);
    for (int i = 0; i < 1000; ++i) {
      const Instant next = *pacer.next(now, 0);
      ASSERT_GT(next, now);
      EXPECT_EQ(pacer.take(next - 1us, 0), 0U) << rate << " " << i;
      ASSERT_EQ(pacer.take(next, 0), 1U) << rate << " " << i;
      now = next;
    }
  }
}

TEST(PacerTest, CatchesUpAfterAStallInBursts) {
  Pacer pacer({.rate = 1000}, kStart);
  const Instant late = kStart + 999ms;
  uint32_t taken = 0;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(pacer.take(late, 0), Pacer::kBurstMax);
    EXPECT_LE(*pacer.next(late, 0), late);
    taken += Pacer::kBurstMax;
  }
  EXPECT_EQ(pacer.take(late, 0), 1000 - taken);
  EXPECT_EQ(pacer.take(late, 0), 0U);
}

TEST(PacerTest, OffersItsRateWhateverIsInFlight) {
  Pacer pacer({.rate = 10}, kStart);
  EXPECT_EQ(pacer.take(kStart + 1s, 1'000'000), 11U);
}

TEST(PacerTest, FillsTheWindowAndWaitsForCallsToEnd) {
  Pacer pacer({.window = 4}, kStart);
  EXPECT_EQ(pacer.next(kStart, 0), kStart);
  EXPECT_EQ(pacer.take(kStart, 0), 4U);
  EXPECT_EQ(pacer.next(kStart, 4), std::nullopt);
  EXPECT_EQ(pacer.take(kStart + 1h, 4), 0U);
  EXPECT_EQ(pacer.take(kStart + 1h, 3), 1U);
  EXPECT_EQ(pacer.take(kStart + 1h, 5), 0U);
}

TEST(PacerTest, FillsAWideWindowInBursts) {
  Pacer pacer({.window = 300}, kStart);
  EXPECT_EQ(pacer.take(kStart, 0), Pacer::kBurstMax);
  EXPECT_EQ(pacer.take(kStart, Pacer::kBurstMax), 300 - Pacer::kBurstMax);
}

TEST(PacerTest, EndsWithTheLastCall) {
  for (const PacerOptions options :
       {PacerOptions{.rate = 1e6, .calls_max = 5}, PacerOptions{.window = 3, .calls_max = 5}}) {
    Pacer pacer(options, kStart);
    uint32_t taken = 0;
    for (int i = 0; i < 5; ++i) taken += pacer.take(kStart + 1s, 0);
    EXPECT_EQ(taken, 5U);
    EXPECT_TRUE(pacer.is_over(kStart));
    EXPECT_EQ(pacer.next(kStart + 1s, 0), std::nullopt);
  }
}

TEST(PacerTest, EndsAtItsDurationAndWakesForThat) {
  Pacer pacer({.window = 1, .duration = 2s}, kStart);
  EXPECT_EQ(pacer.take(kStart, 0), 1U);
  EXPECT_EQ(pacer.next(kStart, 1), kStart + 2s);
  EXPECT_FALSE(pacer.is_over(kStart + 2s - 1ns));
  EXPECT_TRUE(pacer.is_over(kStart + 2s));
  EXPECT_EQ(pacer.take(kStart + 2s, 0), 0U);
}

TEST(PacerTest, EndsWhenStopped) {
  Pacer pacer({.rate = 10}, kStart);
  pacer.stop();
  EXPECT_TRUE(pacer.is_over(kStart));
  EXPECT_EQ(pacer.take(kStart + 1s, 0), 0U);
  EXPECT_EQ(pacer.next(kStart, 0), std::nullopt);
}

}  // namespace
}  // namespace siplb::load
