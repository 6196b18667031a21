#include "proxy/route_test.h"

#include <gmock/gmock.h>

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

using balance::Obstacle;
using test::SipBuilder;
using testing::ElementsAre;
using Guide = RouteTestReport::Guide;

class RouteTestTest : public testing::Test {
 protected:
  void configure(const test::SnapshotInput& input) {
    snapshot_ = test::make_snapshot(input);
    around_.emplace(snapshot_);
  }
  RouteTestReport run(const transport::Flow& source, const std::string& octets) {
    auto report = test_route({.snapshot = snapshot_,
                              .status = around_->status,
                              .load = around_->load,
                              .calls = around_->calls,
                              .source = source,
                              .tick = {.now = Instant(std::chrono::hours(1)), .today = 20000},
                              .octets = octets});
    EXPECT_TRUE(report.has_value());
    return report.value_or(RouteTestReport{});
  }
  // "default" or "no-answer: from_group", in order.
  std::vector<std::string> tried(const RouteTestReport& report) const {
    std::vector<std::string> out;
    for (const auto& [route, obstacle] : report.routes) {
      const std::string& name = snapshot_.routing->routes[route].name;
      out.push_back(obstacle ? name + ": " + std::string(proxy::name(*obstacle)) : name);
    }
    return out;
  }
  static std::vector<Obstacle> obstacles(const RouteTestReport& report) {
    std::vector<Obstacle> out;
    for (const auto& member : report.members) out.push_back(member.obstacle);
    return out;
  }

  proxy::Snapshot snapshot_ = test::make_snapshot(two_groups());
  std::optional<test::Surroundings> around_{std::in_place, snapshot_};
};

TEST_F(RouteTestTest, TellsEachStepOfANewRequest) {
  const RouteTestReport report = run(from_client(), SipBuilder::request().call_id("c1").str());
  EXPECT_EQ(report.scan, sip::ScanStatus::Ok);
  ASSERT_TRUE(report.sender.has_value());
  EXPECT_FALSE(report.sender->is_server());
  EXPECT_EQ(report.guide, Guide::None);
  EXPECT_THAT(tried(report),
              ElementsAre("no-answer: from_group", "no-publish: methods", "default"));
  EXPECT_EQ(report.taken_route, 2u);
  ASSERT_TRUE(report.key.has_value());
  EXPECT_EQ(report.key->kind, balance::HashKeyKind::CallId);
  EXPECT_EQ(report.key->text, "c1");
  EXPECT_EQ(report.group, kPbx);
  EXPECT_THAT(obstacles(report), ElementsAre(Obstacle::None, Obstacle::None));
  EXPECT_EQ(report.outcome.kind, Verdict::Kind::Forward);
  ASSERT_EQ(report.sent.size(), 1u);
  EXPECT_EQ(report.sent[0].to.listener, kInside);
  EXPECT_EQ(report.sent[0].server, snapshot_.topology.first_choice(kPbx, report.key->hash));
}

TEST_F(RouteTestTest, ChoosesAsTheLanesDo) {
  for (int i = 0; i < 20; ++i) {
    const std::string call_id = "call-" + std::to_string(i);
    const auto report = run(from_client(), SipBuilder::request().call_id(call_id).str());
    ASSERT_EQ(report.sent.size(), 1u);
    EXPECT_EQ(report.sent[0].server, snapshot_.topology.first_choice(kPbx, hash_octets(call_id)));
  }
}

TEST_F(RouteTestTest, TellsWhyServersAreNotChosen) {
  around_->status.servers[0].health = balance::HealthState::Down;
  RouteTestReport report = run(from_client(), SipBuilder::request().str());
  EXPECT_THAT(obstacles(report), ElementsAre(Obstacle::Down, Obstacle::None));
  EXPECT_EQ(report.sent.at(0).server, 1);

  around_->status.servers[1].operator_state = balance::OperatorState::Drain;
  report = run(from_client(), SipBuilder::request().str());
  EXPECT_THAT(obstacles(report), ElementsAre(Obstacle::Down, Obstacle::Drained));
  EXPECT_EQ(report.outcome.code, 503);
}

TEST_F(RouteTestTest, CountsTheCallsAndRequestsThatThereAre) {
  auto input = two_groups();
  input.groups[kPbx].servers[0].max_calls = 3;
  input.groups[kPbx].servers[1].max_inflight = 2;
  configure(input);
  for (int i = 0; i < 3; ++i) around_->calls.add_active(0);
  for (int i = 0; i < 2; ++i) around_->load.on_begun(0, 1);
  const RouteTestReport report = run(from_client(), SipBuilder::request().str());
  EXPECT_THAT(obstacles(report), ElementsAre(Obstacle::Calls, Obstacle::Inflight));
  EXPECT_EQ(report.outcome.code, 503);
}

TEST_F(RouteTestTest, ListsTiersInTheirOrder) {
  auto input = two_groups();
  input.groups[kPbx].servers[0].priority = 5;
  configure(input);
  const RouteTestReport report = run(from_client(), SipBuilder::request().str());
  ASSERT_EQ(report.members.size(), 2u);
  EXPECT_EQ(report.members[0].server, 1);
  EXPECT_EQ(report.sent.at(0).server, 1);
}

TEST_F(RouteTestTest, ChangesNothingReal) {
  auto input = two_groups();
  input.routes.back().rate = 1;
  configure(input);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(run(from_client(), SipBuilder::request().str()).outcome.kind, Verdict::Kind::Forward);
  }
  EXPECT_TRUE(snapshot_.routing->rates.back()->admit(Instant(std::chrono::hours(1))));
  for (balance::ServerIndex server = 0; server < 4; ++server) {
    EXPECT_EQ(around_->calls.calls(server), 0u);
    EXPECT_EQ(around_->load.inflight(server), 0u);
  }
  EXPECT_TRUE(around_->health.signals.empty());
}

TEST_F(RouteTestTest, TellsWhoSendsAndWhatMayNotBeSent) {
  auto input = two_groups();
  input.listeners[kPublic].headers.remove = {"P-Asserted-*"};
  configure(input);
  const std::string octets = SipBuilder::request()
                                 .add("P-Asserted-Identity", "<sip:boss@example.com>")
                                 .add("Subject", "lunch")
                                 .str();
  EXPECT_THAT(run(from_client(), octets).removed_headers, ElementsAre("P-Asserted-Identity"));

  const RouteTestReport report = run(from_server("10.0.2.2:5060"), octets);
  EXPECT_EQ(report.sender->server, 1);
  EXPECT_TRUE(report.removed_headers.empty());
  EXPECT_EQ(report.group, kVoicemail);
}

TEST_F(RouteTestTest, TellsWhatIsAnsweredAtOnce) {
  RouteTestReport report = run(from_client(), SipBuilder::request().max_forwards("0").str());
  EXPECT_FALSE(report.sender.has_value());
  EXPECT_EQ(report.outcome.code, 483);
  EXPECT_EQ(report.sent.size(), 1u);  // the answer

  report = run(from_client(), SipBuilder::request().remove("CSeq").str());
  EXPECT_EQ(report.scan, sip::ScanStatus::MissingHeader);
  report = run(from_client(), "hello");
  EXPECT_EQ(report.scan, sip::ScanStatus::NotSip);
  EXPECT_EQ(report.outcome.drop_reason, DropReason::NotSip);
}

TEST_F(RouteTestTest, TellsThatTheRequestSaysItselfWhereItGoes) {
  const auto client = run(from_client(), SipBuilder::request().route("<sip:10.0.2.1;lr>").str());
  EXPECT_EQ(client.guide, Guide::Route);
  EXPECT_EQ(client.outcome.code, 403);
  EXPECT_TRUE(client.routes.empty());

  const auto server =
      run(from_server("10.0.2.2:5060"), SipBuilder::request().route("<sip:10.0.3.1;lr>").str());
  EXPECT_EQ(server.guide, Guide::Route);
  EXPECT_EQ(server.sent.at(0).server, 2);
  EXPECT_FALSE(server.group.has_value());
}

TEST_F(RouteTestTest, TellsTheHashKeyForPeople) {
  auto input = two_groups();
  input.groups[kPbx].hash_key = {balance::HashKeyKind::SourceIp, {}};
  configure(input);
  EXPECT_EQ(run(from_client(), SipBuilder::request().str()).key->text, "192.0.2.1");
}

TEST_F(RouteTestTest, TakesStreams) {
  configure(over_tcp(two_groups(), sip::Transport::Tcp));
  const auto report = run(over_stream(from_client()), tcp_request().str());
  ASSERT_EQ(report.sent.size(), 1u);
  EXPECT_EQ(report.sent[0].to.transport, sip::Transport::Tcp);
}

}  // namespace
}  // namespace siplb::proxy
