#include "app/probe_targets.h"

#include <gtest/gtest.h>

#include "controlled_pool.h"

namespace siplb::app {
namespace {

using balance::OperatorState;

health::ProbePlan plan_of(const test::SnapshotInput& input, const OperatorSettings& settings = {}) {
  return make_probe_plan(test::make_snapshot(input), settings);
}

TEST(ProbeTargetsTest, AreTheServersWithTheirAddressesAndOptions) {
  balance::GroupOptions group = test::two_servers().front();
  group.panic_below = 25;
  group.servers[1].weight = 7;
  group.servers[1].health.fall = 9;
  const auto plan = plan_of(
      {.listeners = {{.name = "main", .address = test::on_loopback(5060)}}, .groups = {group}});
  ASSERT_EQ(plan.groups.size(), 1u);
  EXPECT_EQ(plan.groups[0].panic_below, 25);
  ASSERT_EQ(plan.targets.size(), 2u);
  const health::ProbeTarget& target = plan.targets[1];
  EXPECT_EQ(target.address, test::on_loopback(5062));
  EXPECT_EQ(target.request_uri, "sip:127.0.0.1:5062");
  EXPECT_EQ(target.weight, 7u);
  EXPECT_EQ(target.options.fall, 9);
  EXPECT_EQ(target.operator_state, OperatorState::Ready);
}

TEST(ProbeTargetsTest, AreReachedFromTheListenerOfTheirServer) {
  const auto plan =
      plan_of({.listeners = {{.name = "public",
                              .address = SockAddress::v4(0x7f000002, 5060),
                              .role = transport::ListenerRole::Clients},
                             {.name = "inside",
                              .address = test::on_loopback(5080),
                              .transports = {sip::Transport::Udp, sip::Transport::Tcp},
                              .role = transport::ListenerRole::Servers}},
               .groups = {test::pbx({{.name = "s1",
                                      .address = test::on_loopback(5061),
                                      .transport = sip::Transport::Tcp}})}});
  const health::ProbeTarget& target = plan.targets.front();
  EXPECT_EQ(target.listener, 1);
  EXPECT_EQ(target.local, test::on_loopback(0));
  EXPECT_EQ(target.sent_by, "127.0.0.1:5080");
  EXPECT_EQ(target.transport, sip::Transport::Tcp);
  EXPECT_EQ(target.request_uri, "sip:127.0.0.1:5061;transport=tcp");
}

TEST(ProbeTargetsTest, AreReachedFromTheAdvertisedAddressOfAWildcardIfItIsOnTheHost) {
  test::SnapshotInput input{.listeners = {{.name = "main",
                                           .address = SockAddress::v4(0, 5060),
                                           .role = transport::ListenerRole::Both,
                                           .advertise = {{.as = "192.0.2.1:5060"}}}},
                            .groups = test::two_servers()};
  EXPECT_EQ(plan_of(input).targets[0].local, SockAddress());
  input.host.is_on_host = [](const SockAddress&) { return true; };
  const auto plan = plan_of(input);
  EXPECT_EQ(plan.targets[0].local, SockAddress::v4(0xc0000201, 0));
  EXPECT_EQ(plan.targets[0].sent_by, "192.0.2.1:5060");
}

TEST(ProbeTargetsTest, BearTheStateThatTheOperatorHasSetForAllPlaces) {
  const auto plan =
      plan_of({.listeners = {{.name = "main", .address = test::on_loopback(5060)}},
               .groups = {test::pbx(
                   {{.name = "s1/1", .address = test::on_loopback(5061), .host = "a.example"},
                    {.name = "s1/2", .host = "a.example"},
                    {.name = "s2", .address = test::on_loopback(5062)}})}},
              {{"pbx/s1", {.state = OperatorState::Maint}}});
  EXPECT_EQ(plan.targets[0].operator_state, OperatorState::Maint);
  EXPECT_EQ(plan.targets[1].operator_state, OperatorState::Maint);
  EXPECT_EQ(plan.targets[2].operator_state, OperatorState::Ready);
  EXPECT_EQ(plan.targets[1].address, SockAddress());
  EXPECT_EQ(plan.targets[1].request_uri, "");
  EXPECT_EQ(plan.targets[1].weight, 0u);
}

TEST(ProbeTargetsTest, OwnListenersAreAskedWhereThisHostReachesThem) {
  using sip::Transport;
  test::SnapshotInput input{
      .listeners = {{.name = "main", .address = test::on_loopback(5060)},
                    {.name = "all",
                     .address = SockAddress::v4(0, 5061),
                     .transports = {Transport::Tcp, Transport::Udp},
                     .advertise = {{.as = "192.0.2.1:5061"}}},
                    {.name = "six",
                     .address = SockAddress::v6({}, 5062),
                     .transports = {Transport::Tcp},
                     .advertise = {{.as = "[2001:db8::1]:5062"}}},
                    {.name = "left", .address = test::on_loopback(5063), .transports = {}}},
      .groups = {}};
  const std::vector<health::OwnListener> expected = {
      {.address = test::on_loopback(5060), .request_uri = "sip:127.0.0.1:5060"},
      {.address = test::on_loopback(5061), .request_uri = "sip:127.0.0.1:5061"},
      {.address = *SockAddress::parse("[::1]:5062"),
       .transport = Transport::Tcp,
       .request_uri = "sip:[::1]:5062;transport=tcp"},
      {}};
  EXPECT_EQ(plan_of(input).listeners, expected);
}

}  // namespace
}  // namespace siplb::app
