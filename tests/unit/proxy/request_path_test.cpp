#include "proxy/request_path.h"

#include <gmock/gmock.h>

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

using sip::Method;
using test::SipBuilder;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class RequestPathTest : public LaneTest {
 protected:
  std::string answer(const SipBuilder& request) { return relay(from_client(), request.str()).text; }
};

TEST_F(RequestPathTest, ANewCallGoesToAServerFromTheInside) {
  const auto sent = relay(from_client(), SipBuilder::request().str());
  EXPECT_EQ(sent.to.listener, kInside);
  EXPECT_NE(snapshot_.topology.find_by_address(sent.to.remote), balance::kNoServer);
  EXPECT_EQ(counters_.requests[Method::Invite].value(), 1U);
}

TEST_F(RequestPathTest, RecordRoutesWhatMayOpenADialogOnly) {
  for (const Method method : {Method::Invite, Method::Subscribe, Method::Refer, Method::Notify}) {
    EXPECT_THAT(answer(SipBuilder::request(method)), HasSubstr("Record-Route:"));
  }
  for (const Method method : {Method::Message, Method::Register, Method::Options}) {
    EXPECT_THAT(answer(SipBuilder::request(method)), Not(HasSubstr("Record-Route:")));
  }
}

TEST_F(RequestPathTest, ARejectingRouteAnswersWithItsOwnWords) {
  EXPECT_THAT(answer(SipBuilder::request(Method::Publish)), StartsWith("SIP/2.0 405 Not here"));
}

TEST_F(RequestPathTest, AServerWithoutARouteOfItsOwnGetsNowhere) {
  const auto sent = relay(from_server("10.0.3.1:5060"), SipBuilder::request().str());
  EXPECT_THAT(sent.text, StartsWith("SIP/2.0 404 "));
}

TEST_F(RequestPathTest, AServerCallsTheGroupThatItsRouteNames) {
  const auto sent = relay(from_server("10.0.2.1:5060"), SipBuilder::request().str());
  const auto server = snapshot_.topology.find_by_address(sent.to.remote);
  ASSERT_NE(server, balance::kNoServer);
  EXPECT_EQ(snapshot_.topology.servers()[server].group, kVoicemail);
}

TEST_F(RequestPathTest, OptionsToUsIsAnsweredAndOptionsToAUserForwarded) {
  EXPECT_THAT(answer(SipBuilder::request(Method::Options, "sip:10.0.0.1")),
              StartsWith("SIP/2.0 200 "));
  EXPECT_THAT(answer(SipBuilder::request(Method::Options, "sip:bob@10.0.0.1")),
              StartsWith("OPTIONS sip:bob@10.0.0.1 "));
}

TEST_F(RequestPathTest, AStatelessRouteKeepsNothingAndRecordRoutes) {
  auto input = two_groups();
  input.routes[2].is_stateless = true;
  configure(input);
  const auto first = relay(from_client(), SipBuilder::request().str());
  EXPECT_THAT(first.text, HasSubstr("\r\nRecord-Route: "));
  EXPECT_EQ(contexts_used(), 0U);
  // A repeat goes the same way, as does the CANCEL; silence is the client's to notice.
  EXPECT_EQ(relay(from_client(), SipBuilder::request().str()).text, first.text);
  EXPECT_EQ(relay(from_client(), SipBuilder::request(Method::Cancel).str()).to, first.to);
  EXPECT_TRUE(wait_until(std::chrono::minutes(1)).empty());
}

TEST_F(RequestPathTest, ARouteTakesNoMoreThanItsRate) {
  auto input = two_groups();
  input.routes[2].rate = 2;
  configure(input);
  const auto call = [this](int n) {
    return answer(SipBuilder::request().call_id("call-" + std::to_string(n)));
  };
  EXPECT_THAT(call(1), StartsWith("INVITE "));
  EXPECT_THAT(call(2), StartsWith("INVITE "));
  EXPECT_THAT(call(3), AllOf(StartsWith("SIP/2.0 503 "), HasSubstr("\r\nRetry-After: ")));
  EXPECT_EQ(counters_.over_rate.value(), 1U);
  // What has begun goes on, and a repeat is nothing new.
  EXPECT_THAT(call(1), StartsWith("SIP/2.0 100 "));
  auto bye = SipBuilder::request(Method::Bye).call_id("call-1");
  EXPECT_THAT(answer(bye.to("<sip:bob@example.com>;tag=b1")), StartsWith("BYE "));
  tick_.now += std::chrono::milliseconds(500);
  EXPECT_THAT(call(3), StartsWith("INVITE "));
}

TEST_F(RequestPathTest, ARouteMayHashByAnotherKeyThanItsGroup) {
  auto input = two_groups();
  input.routes[2].hash_key = {.kind = balance::HashKeyKind::FromUser, .header = {}};
  configure(input);
  const SockAddress first = relay(from_client(), SipBuilder::request().str()).to.remote;
  for (int call = 0; call < 16; ++call) {
    auto request = SipBuilder::request().call_id("call-" + std::to_string(call));
    EXPECT_EQ(relay(from_client(), request.str()).to.remote, first);
    // A CANCEL of which nothing is known is led by the same key.
    auto cancel = SipBuilder::request(Method::Cancel).call_id("unknown-" + std::to_string(call));
    EXPECT_EQ(relay(from_client(), cancel.str()).to.remote, first);
  }
}

TEST_F(RequestPathTest, ARegistrationGetsAPathWhereItsRouteSaysSo) {
  auto registration = SipBuilder::request(Method::Register, "sip:example.com");
  registration.add("Supported", "path");
  EXPECT_THAT(answer(registration), Not(HasSubstr("\r\nPath:")));
  auto input = two_groups();
  input.routes[2].path = PathMode::Auto;
  configure(input);
  EXPECT_THAT(answer(registration), HasSubstr("\r\nPath: <sip:"));
  // Repeats of ours, and another server, get it too.
  size_t servers = 0;
  for (const auto& sent : wait_until(std::chrono::seconds(4))) {
    if (sent.to.listener != kInside) continue;
    ++servers;
    EXPECT_THAT(sent.text, HasSubstr("\r\nPath: <sip:"));
  }
  EXPECT_GT(servers, 1U);
}

TEST_F(RequestPathTest, WhatBreaksTheRulesIsAnsweredAndGoesNowhere) {
  EXPECT_THAT(answer(SipBuilder::request(Method::Invite, "http://example.com")),
              StartsWith("SIP/2.0 416 "));
  EXPECT_THAT(answer(SipBuilder::request().add("Proxy-Require", "foo, bar")),
              AllOf(StartsWith("SIP/2.0 420 "), HasSubstr("\r\nUnsupported: foo, bar\r\n")));
  EXPECT_THAT(answer(SipBuilder::request().max_forwards("0")), StartsWith("SIP/2.0 483 "));
}

TEST_F(RequestPathTest, ARouteToElsewhereIsForServersAndOurPlacesOnly) {
  const auto call_by = [](std::string_view route) {
    return SipBuilder::request().route(route).str();
  };
  const auto refused = StartsWith("SIP/2.0 403 ");
  EXPECT_THAT(relay(from_client(), call_by("<sip:10.0.2.1;lr>")).text, refused);
  EXPECT_THAT(relay(from_server("10.0.2.1:5060"), call_by("<sip:198.51.100.1;lr>")).text, refused);
  constexpr std::string_view kThreeOfOurs = "<sip:10.0.1.1>, <sip:10.0.1.1>, <sip:10.0.1.1>";
  EXPECT_THAT(relay(from_server("10.0.2.1:5060"), call_by(kThreeOfOurs)).text, refused);
  EXPECT_EQ(relay(from_server("10.0.2.1:5060"), call_by("<sip:10.0.2.2;lr>")).to.remote,
            address_of("10.0.2.2:5060"));
  forget_transactions();
  EXPECT_EQ(relay(from_server("10.0.2.1:5060"), call_by("<sip:10.0.2.2:5090;lr>")).to.remote,
            address_of("10.0.2.2:5090"));
}

}  // namespace
}  // namespace siplb::proxy
