#include "balance/pool_status.h"

#include <set>

#include <gtest/gtest.h>

namespace siplb::balance {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow = Instant{} + 1h;

TEST(OperatorStateTest, EachHasItsOwnName) {
  EXPECT_EQ(name(OperatorState::Ready), "ready");
  EXPECT_EQ(name(OperatorState::Drain), "drain");
  EXPECT_EQ(name(OperatorState::Maint), "maint");
}

TEST(PoolStatusTest, SaysWhatIsInTheWayOfNewWork) {
  PoolStatus status(1, 1);
  ServerStatus& server = status.servers[0];
  EXPECT_EQ(status.obstacle(0, 0, kNow), Obstacle::None);
  server.busy_until = kNow + 1ns;
  EXPECT_EQ(status.obstacle(0, 0, kNow), Obstacle::Busy);
  server.health = HealthState::Down;
  EXPECT_EQ(status.obstacle(0, 0, kNow), Obstacle::Down);
  server.operator_state = OperatorState::Drain;
  EXPECT_EQ(status.obstacle(0, 0, kNow), Obstacle::Drained);
  server.operator_state = OperatorState::Maint;
  EXPECT_EQ(status.obstacle(0, 0, kNow), Obstacle::Maintenance);
}

TEST(PoolStatusTest, NamesObstacles) {
  EXPECT_EQ(name(Obstacle::None), "");
  std::set<std::string_view> names;
  for (int i = 1; i <= static_cast<int>(Obstacle::Inflight); ++i) {
    names.insert(name(static_cast<Obstacle>(i)));
  }
  EXPECT_EQ(names, (std::set<std::string_view>{"weight", "tried", "drained", "maintenance", "down",
                                               "busy", "calls", "inflight"}));
}

TEST(PoolStatusTest, BeginsWithAllUsable) {
  const PoolStatus status(3, 1);
  for (ServerIndex server = 0; server < 3; ++server) {
    EXPECT_TRUE(status.takes_new_work(0, server, kNow));
    EXPECT_FALSE(status.is_shut(server));
  }
}

TEST(PoolStatusTest, WhoIsDownTakesWorkOnlyInAPanicOfItsOwnGroup) {
  PoolStatus status(1, 2);
  status.servers[0].health = HealthState::Down;
  EXPECT_FALSE(status.takes_new_work(0, 0, kNow));
  status.groups[1].is_panicking = true;
  EXPECT_FALSE(status.takes_new_work(0, 0, kNow));
  status.groups[0].is_panicking = true;
  EXPECT_TRUE(status.takes_new_work(0, 0, kNow));
  EXPECT_FALSE(status.is_shut(0));
}

TEST(PoolStatusTest, WhoIsBusyTakesNoWorkUntilThen) {
  PoolStatus status(1, 1);
  status.servers[0].busy_until = kNow;
  EXPECT_FALSE(status.takes_new_work(0, 0, kNow - 1ns));
  EXPECT_TRUE(status.takes_new_work(0, 0, kNow));
}

TEST(PoolStatusTest, OperatorIsStrongerThanHealthAndPanic) {
  PoolStatus status(1, 1);
  status.groups[0].is_panicking = true;
  status.servers[0].health = HealthState::Up;
  status.servers[0].operator_state = OperatorState::Drain;
  EXPECT_FALSE(status.takes_new_work(0, 0, kNow));
  EXPECT_FALSE(status.is_shut(0));
  status.servers[0].operator_state = OperatorState::Maint;
  EXPECT_FALSE(status.takes_new_work(0, 0, kNow));
  EXPECT_TRUE(status.is_shut(0));
}

}  // namespace
}  // namespace siplb::balance
