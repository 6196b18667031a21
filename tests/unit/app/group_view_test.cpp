#include "app/group_view.h"

#include <gtest/gtest.h>

namespace siplb::app {
namespace {

using balance::HealthState;

balance::GroupOptions group(const std::string& name, balance::Policy policy) {
  return {.name = name,
          .policy = policy,
          .servers = {{.name = "s1", .address = SockAddress::v4(0x7f000001, 5061)}}};
}

ServerView server(const std::string& group, HealthState health) {
  return {.group = group, .name = "s", .address = "10.0.0.1:5060", .weight = 1, .health = health};
}

TEST(GroupViewTest, AddsUpItsServers) {
  const std::vector<balance::GroupOptions> groups = {group("pbx", balance::Policy::LeastCalls)};
  std::vector<ServerView> servers = {
      server("pbx", HealthState::Up), server("pbx", HealthState::Down),
      server("pbx", HealthState::Unknown), server("other", HealthState::Up)};
  servers[0].calls = 5;
  servers[0].inflight = 2;
  servers[2].reserved_calls = 3;
  servers[2].state = balance::OperatorState::Drain;
  const auto views = group_views(balance::Topology(groups), servers);
  ASSERT_EQ(views.size(), 1u);
  const GroupView& view = views[0];
  EXPECT_EQ(view.name, "pbx");
  EXPECT_EQ(name(view.policy), "least-calls");
  EXPECT_EQ(view.servers, 3u);
  EXPECT_EQ(view.up, 1u);
  EXPECT_EQ(view.down, 1u);
  EXPECT_EQ(view.taking_new_work, 1u);
  EXPECT_EQ(view.calls, 5u);
  EXPECT_EQ(view.reserved_calls, 3u);
  EXPECT_EQ(view.inflight, 2u);
  EXPECT_FALSE(view.is_panicking);
}

TEST(GroupViewTest, CountsNoServersWithoutAnAddressButTheirCalls) {
  const std::vector<balance::GroupOptions> groups = {group("pbx", balance::Policy::Maglev)};
  ServerView gone = server("pbx", HealthState::Up);
  gone.address.clear();
  gone.calls = 4;
  gone.is_panicking = true;
  const auto views = group_views(balance::Topology(groups), {&gone, 1});
  EXPECT_EQ(views[0].servers, 0u);
  EXPECT_EQ(views[0].up, 0u);
  EXPECT_EQ(views[0].calls, 4u);
  EXPECT_TRUE(views[0].is_panicking);
}

TEST(GroupViewTest, HasANameForEachPolicy) {
  using balance::Policy;
  const std::pair<Policy, const char*> cases[] = {{Policy::Maglev, "maglev"},
                                                  {Policy::RoundRobin, "round-robin"},
                                                  {Policy::Random, "random"},
                                                  {Policy::LeastLoad, "least-load"},
                                                  {Policy::LeastCalls, "least-calls"}};
  for (const auto& [policy, text] : cases) EXPECT_EQ(name(policy), text);
}

}  // namespace
}  // namespace siplb::app
