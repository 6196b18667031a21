#include "transport/source_counts.h"

#include <atomic>
#include <set>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

namespace siplb::transport {
namespace {

constexpr uint64_t kSeed = 42;

SockAddress source_of(uint32_t number) {
  return SockAddress::v4(0x0A000000 + number, 5060);
}

SockAddress literal(std::string_view text) {
  return *SockAddress::parse_ip(text, 5060);
}

TEST(SourceCountsTest, RefusesASourceThatHasAllItMayHave) {
  SourceCounts counts(kSeed);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(counts.try_add(source_of(1), 3));
  EXPECT_FALSE(counts.try_add(source_of(1), 3));
  EXPECT_TRUE(counts.try_add(source_of(2), 3));
}

TEST(SourceCountsTest, RefusesEverybodyWhereNoneIsAllowed) {
  SourceCounts counts(kSeed);
  EXPECT_FALSE(counts.try_add(source_of(1), 0));
}

TEST(SourceCountsTest, TakesAgainWhatWasGivenBack) {
  SourceCounts counts(kSeed);
  for (int round = 0; round < 1000; ++round) {
    EXPECT_TRUE(counts.try_add(source_of(1), 2));
    EXPECT_TRUE(counts.try_add(source_of(1), 2));
    EXPECT_FALSE(counts.try_add(source_of(1), 2));
    counts.subtract(source_of(1));
    counts.subtract(source_of(1));
  }
}

TEST(SourceCountsTest, CountsAllPortsOfAnAddressTogether) {
  SourceCounts counts(kSeed);
  EXPECT_TRUE(counts.try_add(source_of(1).with_port(1), 1));
  EXPECT_FALSE(counts.try_add(source_of(1).with_port(2), 1));
}

TEST(SourceCountsTest, CountsIpv6ByTheNetworkOfASubscriber) {
  SourceCounts counts(kSeed);
  EXPECT_TRUE(counts.try_add(literal("2001:db8:0:1::1"), 1));
  EXPECT_FALSE(counts.try_add(literal("2001:db8:0:1:ffff::2"), 1));
  EXPECT_TRUE(counts.try_add(literal("2001:db8:0:2::1"), 1));
}

// Of so many sources, each of which may have one: those that are refused it.
std::set<uint32_t> refused_of(uint32_t sources, uint64_t seed) {
  SourceCounts counts(seed);
  std::set<uint32_t> refused;
  for (uint32_t i = 0; i < sources; ++i) {
    if (!counts.try_add(source_of(i), 1)) refused.insert(i);
  }
  return refused;
}

TEST(SourceCountsTest, HardlyAnySourceSuffersFromOthers) {
  // One row alone would refuse about 3000² / 2 / 32768 = 137 of them.
  EXPECT_LT(refused_of(3000, kSeed).size(), 20U);
}

TEST(SourceCountsTest, SeedDecidesWhoSharesCounters) {
  const auto refused = refused_of(10000, kSeed);
  EXPECT_FALSE(refused.empty());
  EXPECT_EQ(refused, refused_of(10000, kSeed));
  EXPECT_NE(refused, refused_of(10000, kSeed + 1));
}

TEST(SourceCountsTest, OfTwoThreadsAtTheLimitAtMostOneGetsTheLast) {
  SourceCounts counts(kSeed);
  std::atomic<int> arrivals{0};
  std::atomic<int> held{0};
  std::atomic<int> held_max{0};
  const auto ask = [&] {
    // The one that comes last to a meeting lets both go, within nanoseconds of each other.
    int meetings = 0;
    const auto meet = [&] {
      ++arrivals;
      meetings += 2;
      for (int turns = 1; arrivals < meetings; ++turns) {
        if (turns % 1000 == 0) std::this_thread::yield();  // where there is but one processor
      }
    };
    for (int round = 0; round < 50000; ++round) {
      meet();
      const bool is_mine = counts.try_add(source_of(1), 1);
      if (is_mine && ++held > 1) held_max = 2;
      meet();
      if (!is_mine) continue;
      --held;
      counts.subtract(source_of(1));
    }
  };
  std::thread other(ask);
  ask();
  other.join();
  EXPECT_EQ(held_max, 0);
  // And nothing was lost or left over.
  EXPECT_TRUE(counts.try_add(source_of(1), 1));
  EXPECT_FALSE(counts.try_add(source_of(1), 1));
}

}  // namespace
}  // namespace siplb::transport
