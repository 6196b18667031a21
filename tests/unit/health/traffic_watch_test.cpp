#include "health/traffic_watch.h"

#include <gtest/gtest.h>

namespace siplb::health {
namespace {

using balance::TrafficProof;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant kStart{seconds(100)};

TEST(TrafficWatchTest, KnowsOfNoneAtFirst) {
  EXPECT_EQ(TrafficWatch(7).proof(seconds(1), kStart), TrafficProof::None);
}

TEST(TrafficWatchTest, IsNotMovedByACountThatStays) {
  TrafficWatch watch(7);
  watch.look(7, kStart);
  EXPECT_EQ(watch.proof(seconds(1), kStart), TrafficProof::None);
}

TEST(TrafficWatchTest, TakesGrowthAsProofForAsLongAsItIsRecent) {
  TrafficWatch watch(7);
  watch.look(8, kStart);
  watch.look(8, kStart + milliseconds(500));
  EXPECT_EQ(watch.proof(seconds(1), kStart + seconds(1)), TrafficProof::Recent);
  EXPECT_EQ(watch.proof(seconds(1), kStart + milliseconds(1001)), TrafficProof::None);
}

}  // namespace
}  // namespace siplb::health
