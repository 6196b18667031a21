#include "proxy/intake.h"

#include <vector>

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;

class IntakeTest : public LaneTest {
 protected:
  IntakeTest() {
    auto input = two_groups();
    input.listeners[kPublic].headers = {.remove = {"P-Asserted-Identity"},
                                        .source = "X-Siplb-Source"};
    input.listeners[kInside].headers = input.listeners[kPublic].headers;
    snapshot_ = test::make_snapshot(input);
    const sip::Token token{.initiator = {.address = address_of("192.0.2.1:5060")},
                           .responder = {.is_server = true, .address = address_of("10.0.2.1:5060")},
                           .issue_day = kTick.today};
    ours_ = "sip:" + std::string(snapshot_.seal.seal_token(token, "call-1@example.net").view()) +
            "@198.51.100.1;lr";
  }

  // The message as it is decided about, taken from a block of exactly its size.
  std::string put_right(const SipBuilder& builder, const transport::Flow& source = from_client()) {
    const std::string text = builder.str();
    octets_.assign(text.begin(), text.end());
    octets_.shrink_to_fit();
    EXPECT_EQ(sip::scan({octets_.data(), octets_.size()}, {}, scratch_), sip::ScanStatus::Ok);
    status_ = intake_.put_right(octets_, source, kTick, scratch_);
    return std::string(scratch_.text);
  }

  std::string ours_;  // a URI of a Record-Route of ours
  std::vector<char> octets_;
  sip::ScanStatus status_ = sip::ScanStatus::Ok;
  Intake intake_{around_->outlook};
};

TEST_F(IntakeTest, LeavesAnOrdinaryMessageWhereItIs) {
  const auto request = SipBuilder::request().route("<sip:10.0.0.1;lr>");
  EXPECT_EQ(put_right(request), request.str());
  EXPECT_EQ(scratch_.text.data(), octets_.data());
  EXPECT_EQ(status_, sip::ScanStatus::Ok);
}

TEST_F(IntakeTest, TakesOutWhatAClientMayNotSayInRequestsAndResponses) {
  const auto with = [](SipBuilder message) {
    return message.add("P-Asserted-Identity", "<sip:boss@example.com>")
        .add("x-siplb-source", "10.0.0.9");
  };
  for (const SipBuilder& message : {SipBuilder::request(), SipBuilder::response()}) {
    EXPECT_EQ(put_right(with(message)), message.str());
    EXPECT_EQ(scratch_.method, sip::Method::Invite);
  }
}

TEST_F(IntakeTest, TakesNothingFromServers) {
  for (auto message : {SipBuilder::request(), SipBuilder::response()}) {
    message.add("P-Asserted-Identity", "<sip:boss@example.com>");
    EXPECT_EQ(put_right(message, from_server("10.0.2.1:5060")), message.str());
  }
  // Somebody else on their listener is a client.
  auto message = SipBuilder::request();
  message.add("P-Asserted-Identity", "<sip:boss@example.com>");
  EXPECT_NE(put_right(message, from_server("10.0.2.9:5060")), message.str());
}

TEST_F(IntakeTest, UndoesWhatAStrictRouterDidToOurUri) {
  for (const std::string& uri : {ours_, std::string("sip:10.0.0.1;lr")}) {
    const auto sent =
        SipBuilder::request(sip::Method::Bye, uri).route("<sip:next;lr>, <sip:bob@10.0.2.1:5070>");
    const std::string text = put_right(sent);
    EXPECT_EQ(status_, sip::ScanStatus::Ok);
    EXPECT_EQ(scratch_.request_uri, "sip:bob@10.0.2.1:5070");
    EXPECT_NE(text.find("Route: <" + uri + ">, <sip:next;lr>\r\n"), std::string::npos) << text;
  }
}

TEST_F(IntakeTest, OnlyAUriThatWeWroteIsUndone) {
  for (const std::string_view uri :
       {"sip:10.0.0.1", "sip:bob@10.0.0.1", "sip:198.51.100.1;lr", "tel:+12015550123"}) {
    const auto request =
        SipBuilder::request(sip::Method::Bye, uri).route("<sip:bob@10.0.2.1:5070>");
    EXPECT_EQ(put_right(request), request.str()) << uri;
  }
  const auto without_route = SipBuilder::request(sip::Method::Bye, ours_);
  EXPECT_EQ(put_right(without_route), without_route.str());
  const auto of_another_call =
      SipBuilder::request(sip::Method::Bye, ours_).call_id("x").route("<sip:bob@10.0.2.1:5070>");
  EXPECT_EQ(put_right(of_another_call), of_another_call.str());
}

TEST_F(IntakeTest, RefusesWhatCannotBeUndone) {
  put_right(SipBuilder::request(sip::Method::Bye, ours_).route("nonsense"));
  EXPECT_EQ(status_, sip::ScanStatus::BadRequestUri);
}

}  // namespace
}  // namespace siplb::proxy
