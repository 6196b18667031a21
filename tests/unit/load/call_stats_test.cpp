#include "load/call_stats.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace siplb::load {
namespace {

TEST(ServerSharesTest, HoldsOnlyTheOthersAtFirst) {
  const ServerShares shares{};
  ASSERT_EQ(shares.shares().size(), 1U);
  EXPECT_TRUE(shares.shares()[0].name.empty());
  EXPECT_EQ(shares.shares()[0].calls, 0U);
}

TEST(ServerSharesTest, CountsByNameInOrderOfAppearance) {
  ServerShares shares;
  shares.count(shares.place_of("s2"));
  shares.count(shares.place_of("s1"));
  shares.count(shares.place_of("s2"));
  shares.count(shares.place_of(""));
  ASSERT_EQ(shares.shares().size(), 3U);
  EXPECT_EQ(shares.shares()[0].calls, 1U);
  EXPECT_EQ(shares.shares()[1].name, "s2");
  EXPECT_EQ(shares.shares()[1].calls, 2U);
  EXPECT_EQ(shares.shares()[2].name, "s1");
  EXPECT_EQ(shares.shares()[2].calls, 1U);
}

TEST(ServerSharesTest, PutsANameThatIsTooLongWithTheOthers) {
  ServerShares shares;
  EXPECT_EQ(shares.place_of(std::string(ServerShares::Name::capacity() + 1, 'x')), 0U);
  EXPECT_EQ(shares.shares().size(), 1U);
  EXPECT_EQ(shares.place_of(std::string(ServerShares::Name::capacity(), 'x')), 1U);
}

TEST(ServerSharesTest, PutsWhoComesTooLateWithTheOthersAndStillKnowsTheRest) {
  ServerShares shares;
  for (size_t i = 1; i <= ServerShares::kServersMax; ++i) {
    EXPECT_EQ(shares.place_of("s" + std::to_string(i)), i);
  }
  EXPECT_EQ(shares.place_of("late"), 0U);
  EXPECT_EQ(shares.place_of("s64"), 64U);
  EXPECT_EQ(shares.shares().size(), 1 + ServerShares::kServersMax);
}

TEST(CallStatsTest, CountsFailuresOfEveryKind) {
  CallStats stats;
  stats.started = 10;
  stats.succeeded = 3;
  stats.count_failure(CallStats::kCodeMin);
  stats.count_failure(503);
  stats.count_failure(CallStats::kCodeMax);
  stats.timeouts = 1;
  stats.disconnected = 1;
  stats.oversized = 1;
  EXPECT_EQ(stats.failed(), 6U);
  EXPECT_EQ(stats.in_flight(), 1U);
}

TEST(CallStatsTest, IsWellOnlyIfAllStartedWereAnsweredByTheirServer) {
  const auto with = [](auto&& change) {
    auto stats = std::make_unique<CallStats>();
    stats->started = 2;
    stats->succeeded = 2;
    change(*stats);
    return stats->all_well();
  };
  EXPECT_TRUE(with([](CallStats&) {}));
  EXPECT_TRUE(with([](CallStats& stats) { stats.retransmissions = 9; }));
  EXPECT_FALSE(with([](CallStats& stats) { stats.started = stats.succeeded = 0; }));
  EXPECT_FALSE(with([](CallStats& stats) { stats.succeeded = 1; }));
  EXPECT_FALSE(with([](CallStats& stats) { stats.not_started = 1; }));
  EXPECT_FALSE(with([](CallStats& stats) { stats.misroutes = 1; }));
}

}  // namespace
}  // namespace siplb::load
