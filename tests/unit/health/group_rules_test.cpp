#include "health/group_rules.h"

#include <gtest/gtest.h>

namespace siplb::health {
namespace {

using balance::HealthState;
using balance::OperatorState;
using balance::ServerIndex;

constexpr Instant kNow{std::chrono::seconds(100)};
constexpr Instant kLater = kNow + std::chrono::seconds(1);

// Two groups: four servers of weight 100 in the first, one in the second.
class GroupRulesTest : public testing::Test {
 protected:
  GroupRulesTest() {
    plan_.groups.resize(2);
    for (uint32_t i = 0; i < 5; ++i) {
      plan_.targets.push_back({.address = SockAddress::v4(0x0a000001 + i, 5060),
                               .group = static_cast<balance::GroupIndex>(i / 4),
                               .weight = 100});
    }
  }

  void set_down(std::initializer_list<ServerIndex> servers) {
    for (const ServerIndex server : servers) status_.servers[server].health = HealthState::Down;
  }
  void set_busy(std::initializer_list<ServerIndex> servers) {
    for (const ServerIndex server : servers) status_.servers[server].busy_until = kLater;
  }
  [[nodiscard]] bool is_panicking(balance::GroupIndex group = 0) {
    find_panics(plan_, status_);
    return status_.groups[group].is_panicking;
  }
  [[nodiscard]] bool may(ServerIndex server) const {
    return may_pause(plan_, status_, server, kNow);
  }

  ProbePlan plan_;
  balance::PoolStatus status_{5, 2};
};

TEST_F(GroupRulesTest, PanicsWhenNoneIsUpOrUnknown) {
  EXPECT_FALSE(is_panicking());
  set_down({0, 1, 2});
  EXPECT_FALSE(is_panicking());
  set_down({3});
  EXPECT_TRUE(is_panicking());
  EXPECT_FALSE(is_panicking(1));
}

TEST_F(GroupRulesTest, PanicsAtTheConfiguredShareOfWeight) {
  plan_.groups[0].panic_below = 50;
  set_down({0});
  EXPECT_FALSE(is_panicking());
  set_down({1});
  EXPECT_TRUE(is_panicking());
  plan_.targets[2].weight = 101;
  EXPECT_FALSE(is_panicking());
}

TEST_F(GroupRulesTest, PanicEnds) {
  set_down({0, 1, 2, 3});
  ASSERT_TRUE(is_panicking());
  status_.servers[2].health = HealthState::Up;
  EXPECT_FALSE(is_panicking());
}

TEST_F(GroupRulesTest, ServersThatGetNoNewWorkAnywayDoNotCountForPanic) {
  set_down({0});
  plan_.targets[1].operator_state = OperatorState::Drain;
  plan_.targets[2].weight = 0;
  plan_.targets[3].address = {};
  EXPECT_TRUE(is_panicking());
}

TEST_F(GroupRulesTest, AGroupWithoutWorkForAnybodyDoesNotPanic) {
  set_down({4});
  EXPECT_TRUE(is_panicking(1));
  plan_.targets[4].operator_state = OperatorState::Maint;
  EXPECT_FALSE(is_panicking(1));
}

TEST_F(GroupRulesTest, HalfOfAGroupMayPause) {
  EXPECT_TRUE(may(0));
  set_busy({0});
  EXPECT_TRUE(may(1));
  set_busy({1});
  EXPECT_FALSE(may(2));
  EXPECT_TRUE(may(1));  // it does already
}

TEST_F(GroupRulesTest, APauseThatIsOverDoesNotCount) {
  set_busy({0, 1});
  status_.servers[0].busy_until = kNow;
  EXPECT_TRUE(may(2));
}

TEST_F(GroupRulesTest, HalfIsRoundedDown) {
  plan_.targets[3].operator_state = OperatorState::Drain;
  set_busy({0});
  EXPECT_FALSE(may(1));
}

TEST_F(GroupRulesTest, OnlyServersThatCouldTakeTheWorkCount) {
  set_down({2, 3});
  set_busy({0});
  EXPECT_FALSE(may(1));
}

TEST_F(GroupRulesTest, TheOnlyServerOfAGroupNeverPauses) {
  EXPECT_FALSE(may(4));
}

}  // namespace
}  // namespace siplb::health
