#include "proxy/forwarder.h"

#include <gmock/gmock.h>

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;
using testing::HasSubstr;
using testing::StartsWith;

class ForwarderTest : public LaneTest {
 protected:
  std::string forward(const SipBuilder& builder, const Outgoing& outgoing) {
    const sip::Message& message = scanned(builder.str());
    const Request request{
        .message = message, .source = from_client(), .tick = kTick, .sender = {}, .routes = {}};
    forwarder_.forward(request, outgoing);
    return wire_.take().front().text;
  }
  static Outgoing to(std::string_view address, transport::ListenerIndex listener) {
    return {.to = {.remote = address_of(address), .listener = listener}};
  }

  Forwarder forwarder_{7, snapshot_, wire_};
};

TEST_F(ForwarderTest, PutsItsViaOnTopWithTheLaneAsAHint) {
  EXPECT_THAT(forward(SipBuilder::request(), to("10.0.2.1:5060", kInside)),
              StartsWith("INVITE sip:bob@example.com SIP/2.0\r\n"
                         "Via: SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKslb"));
  EXPECT_THAT(forward(SipBuilder::request(), to("10.0.2.1:5060", kInside)),
              HasSubstr(";slb=QQQQQQQ07"));
}

TEST_F(ForwarderTest, WritesTwoRecordRoutesWhereTheSidesDifferAndOneWhereNot) {
  Outgoing outgoing = to("10.0.2.1:5060", kInside);
  outgoing.record_route_token = "token";
  EXPECT_THAT(forward(SipBuilder::request(), outgoing),
              HasSubstr("Record-Route: <sip:token@10.0.1.1:5060;lr>\r\n"
                        "Record-Route: <sip:10.0.0.1:5060;lr>\r\n"));
  outgoing.to.listener = kPublic;
  const std::string one = forward(SipBuilder::request(), outgoing);
  EXPECT_THAT(one, HasSubstr("Record-Route: <sip:token@10.0.0.1:5060;lr>\r\nVia:"));
}

TEST_F(ForwarderTest, AddsMaxForwardsOnlyWhereThereIsNone) {
  const auto count = [](const std::string& text) {
    return testing::Matches(HasSubstr("Max-Forwards: 70\r\n"))(text);
  };
  EXPECT_TRUE(
      count(forward(SipBuilder::request().remove("Max-Forwards"), to("10.0.2.1:5060", kInside))));
  EXPECT_FALSE(
      count(forward(SipBuilder::request().max_forwards("12"), to("10.0.2.1:5060", kInside))));
}

TEST_F(ForwarderTest, HasRoomForTheLongestNamesAndToken) {
  auto input = two_groups();
  input.listeners[kPublic].advertise = std::string(255, 'a') + ":65535";
  input.listeners[kInside].advertise = std::string(255, 'b') + ":65535";
  snapshot_ = test::make_snapshot(input);
  const std::string token(sip::kTokenLengthMax, 't');
  Outgoing outgoing = to("10.0.2.1:5060", kInside);
  outgoing.record_route_token = token;
  EXPECT_THAT(forward(SipBuilder::request().remove("Max-Forwards"), outgoing), HasSubstr(token));
}

}  // namespace
}  // namespace siplb::proxy
