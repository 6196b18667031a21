#include "load/faults.h"

#include <memory>

#include <gtest/gtest.h>

namespace siplb::load {
namespace {

using namespace std::chrono_literals;

TEST(FaultsTest, ReadsDurationsWithTheirUnit) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("2s"), 2s);
  EXPECT_EQ(parse_duration("1.5m"), 90s);
  EXPECT_EQ(parse_duration("0s"), 0s);
  EXPECT_EQ(parse_duration("0.5ms"), 500us);
  EXPECT_EQ(parse_duration("86400s"), 24h);
}

TEST(FaultsTest, ReadsNothingElseAsADuration) {
  for (const std::string_view text :
       {"", "5", "s", "-1s", "5 s", "5sec", "5h", "1e3s", "inf s", "nans", "86401s", "0x5s"}) {
    const auto block = std::make_unique<char[]>(text.size());
    text.copy(block.get(), text.size());
    EXPECT_FALSE(parse_duration({block.get(), text.size()})) << text;
  }
}

TEST(FaultsTest, SetsWhatEachFaultNamesAndNothingElse) {
  Faults faults;
  ASSERT_TRUE(apply_fault("delay=1500ms", faults));
  EXPECT_EQ(faults.delay, 1500ms);
  ASSERT_TRUE(apply_fault("drop=0.05", faults));
  EXPECT_EQ(faults.drop, 0.05);
  ASSERT_TRUE(apply_fault("503=0.2", faults));
  EXPECT_EQ(faults.reject, 0.2);
  ASSERT_TRUE(apply_fault("capacity=100", faults));
  EXPECT_EQ(faults.capacity, 100);
  ASSERT_TRUE(apply_fault("service=20ms", faults));
  EXPECT_EQ(faults.service, 20ms);
  EXPECT_EQ(faults.delay, 1500ms);
  ASSERT_TRUE(apply_fault("ring=5s", faults));
  EXPECT_EQ(faults.ring, 5s);
  EXPECT_FALSE(faults.silent);
  ASSERT_TRUE(apply_fault("silent", faults));
  EXPECT_TRUE(faults.silent);
  EXPECT_FALSE(faults.duplicate);
  ASSERT_TRUE(apply_fault("duplicate", faults));
  EXPECT_TRUE(faults.duplicate);
  EXPECT_FALSE(faults.no_trying);
  ASSERT_TRUE(apply_fault("no-100", faults));
  EXPECT_TRUE(faults.no_trying);
  EXPECT_FALSE(faults.reading.stuck);
  ASSERT_TRUE(apply_fault("stuck", faults));
  EXPECT_TRUE(faults.reading.stuck);
  ASSERT_TRUE(apply_fault("slow-read=1000", faults));
  EXPECT_EQ(faults.reading.octets_per_second, 1000);
  ASSERT_TRUE(apply_fault("reset-every=50", faults));
  EXPECT_EQ(faults.reading.reset_every, 50);
}

TEST(FaultsTest, TakesLateForADelayWithoutA100) {
  Faults faults;
  ASSERT_TRUE(apply_fault("late=1500ms", faults));
  EXPECT_EQ(faults.delay, 1500ms);
  EXPECT_TRUE(faults.no_trying);
  ASSERT_TRUE(apply_fault("delay=2s", faults));
  EXPECT_EQ(faults.delay, 2s);
  EXPECT_TRUE(faults.no_trying) << "what was asked for stays";
}

TEST(FaultsTest, RefusesOtherFaultsAndLeavesAllAsItWas) {
  Faults faults;
  for (const std::string_view text : {"",
                                      "slow",
                                      "silent=1",
                                      "drop",
                                      "drop=",
                                      "drop=1.1",
                                      "drop=-0.1",
                                      "drop=0.5x",
                                      "503=2",
                                      "capacity=1e9",
                                      "capacity=1000000001",
                                      "delay=5",
                                      "delay=",
                                      "late=",
                                      "late=1",
                                      "service=1",
                                      "ring=off",
                                      "duplicate=1",
                                      "no-100=1",
                                      "rung=1s",
                                      "=1"}) {
    EXPECT_FALSE(apply_fault(text, faults)) << text;
  }
  EXPECT_FALSE(faults.silent || faults.duplicate || faults.no_trying);
  EXPECT_FALSE(faults.ring);
  EXPECT_EQ(faults.delay + faults.service, 0s);
  EXPECT_EQ(faults.drop + faults.reject + faults.capacity, 0);
}

TEST(DiceTest, HitsTheShareItIsAskedFor) {
  Dice dice(1);
  int hits = 0;
  for (int i = 0; i < 10000; ++i) {
    EXPECT_FALSE(dice.hits(0));
    EXPECT_TRUE(dice.hits(1));
    hits += dice.hits(0.3) ? 1 : 0;
  }
  EXPECT_NEAR(hits, 3000, 150);
}

TEST(DiceTest, ThrowsTheSameForTheSameSeedOnly) {
  const auto throws = [](uint64_t seed) {
    Dice dice(seed);
    uint64_t bits = 0;
    for (int i = 0; i < 64; ++i) bits = bits << 1 | (dice.hits(0.5) ? 1 : 0);
    return bits;
  };
  EXPECT_EQ(throws(7), throws(7));
  EXPECT_NE(throws(7), throws(8));
}

TEST(RateGateTest, LetsATenthOfASecondsWorthThroughAtOnce) {
  const Instant start = Instant{} + 1h;
  RateGate gate(50, start);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(gate.passes(start));
  EXPECT_FALSE(gate.passes(start));
  EXPECT_FALSE(gate.passes(start + 15ms));
  EXPECT_TRUE(gate.passes(start + 25ms));
  EXPECT_FALSE(gate.passes(start + 25ms));
}

TEST(RateGateTest, SavesNoMoreThanThatWhileItIsIdle) {
  const Instant start = Instant{} + 1h;
  RateGate gate(50, start);
  int passed = 0;
  for (int i = 0; i < 100; ++i) passed += gate.passes(start + 1h) ? 1 : 0;
  EXPECT_EQ(passed, 5);
}

TEST(RateGateTest, LetsOneThroughHoweverSlowItIs) {
  const Instant start = Instant{} + 1h;
  RateGate gate(0.1, start);
  EXPECT_TRUE(gate.passes(start));
  EXPECT_FALSE(gate.passes(start + 9s));
  EXPECT_TRUE(gate.passes(start + 11s));
}

TEST(RateGateTest, LetsEverythingThroughAtZero) {
  RateGate gate(0, Instant{});
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(gate.passes(Instant{}));
}

}  // namespace
}  // namespace siplb::load
