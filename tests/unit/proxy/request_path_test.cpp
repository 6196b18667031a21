#include "proxy/request_path.h"

#include <gmock/gmock.h>

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

using sip::Method;
using test::SipBuilder;
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
