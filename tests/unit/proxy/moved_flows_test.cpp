#include "proxy/moved_flows.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace siplb::proxy {
namespace {

using namespace std::chrono_literals;

const Instant kStart = Instant{} + 1h;

transport::Flow flow_of(uint16_t port) {
  return {.remote = SockAddress::v4(0xc0000201, port), .listener = 1};
}

class MovedFlowsTest : public testing::Test {
 protected:
  std::vector<MovedFlow> memory_{MovedFlows::kWays};  // one set
  Counter evicted_;
  MovedFlows flows_{memory_, 1, evicted_};
};

TEST_F(MovedFlowsTest, KnowsNobodyAtFirst) {
  EXPECT_EQ(flows_.find("token", kStart), nullptr);
}

TEST_F(MovedFlowsTest, KnowsTheNewestFlowOfAToken) {
  flows_.put("token", flow_of(1), kStart);
  flows_.put("token", flow_of(2), kStart + 1s);
  ASSERT_NE(flows_.find("token", kStart), nullptr);
  EXPECT_EQ(*flows_.find("token", kStart), flow_of(2));
  EXPECT_EQ(flows_.find("another", kStart), nullptr);
  EXPECT_EQ(evicted_.value(), 0u);
}

TEST_F(MovedFlowsTest, ForgetsWhoIsBack) {
  flows_.put("token", flow_of(1), kStart);
  flows_.erase("token");
  flows_.erase("nobody's");
  EXPECT_EQ(flows_.find("token", kStart), nullptr);
}

TEST_F(MovedFlowsTest, GivesUpTheOneUsedLongestAgoWhenFull) {
  for (uint16_t i = 0; i < MovedFlows::kWays; ++i) {
    flows_.put("token" + std::to_string(i), flow_of(i), kStart + i * 1s);
  }
  EXPECT_EQ(evicted_.value(), 0u);
  EXPECT_NE(flows_.find("token0", kStart + 10s), nullptr);  // used: token1 is the oldest now
  flows_.put("one more", flow_of(99), kStart + 11s);
  EXPECT_EQ(evicted_.value(), 1u);
  EXPECT_EQ(flows_.find("token1", kStart), nullptr);
  EXPECT_NE(flows_.find("token0", kStart), nullptr);
  EXPECT_EQ(*flows_.find("one more", kStart), flow_of(99));
}

TEST_F(MovedFlowsTest, GoesOnWhenEveryEntryWasReplacedManyTimes) {
  for (uint16_t i = 0; i < 1000; ++i) {
    flows_.put("token" + std::to_string(i), flow_of(i), kStart + i * 1s);
  }
  EXPECT_EQ(evicted_.value(), 1000 - MovedFlows::kWays);
  for (uint16_t i = 1000 - MovedFlows::kWays; i < 1000; ++i) {
    ASSERT_NE(flows_.find("token" + std::to_string(i), kStart), nullptr);
  }
}

TEST_F(MovedFlowsTest, StoresNothingWithoutMemory) {
  MovedFlows none({}, 1, evicted_);
  none.put("token", flow_of(1), kStart);
  none.erase("token");
  EXPECT_EQ(none.find("token", kStart), nullptr);
}

}  // namespace
}  // namespace siplb::proxy
