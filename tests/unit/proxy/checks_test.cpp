#include "proxy/checks.h"

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;

class ChecksTest : public LaneTest {
 protected:
  uint16_t refusal(const SipBuilder& request) {
    const auto verdict = check_request(scanned(request.str()), sip::Transport::Udp);
    return verdict ? verdict->code : 0;
  }
  Verdict judged(std::string text) {
    text_ = std::move(text);
    const sip::ScanStatus status = sip::scan(text_, {}, scratch_);
    return judge_fault(status, scratch_);
  }
};

TEST_F(ChecksTest, PassesAnOrdinaryRequest) {
  EXPECT_EQ(refusal(SipBuilder::request()), 0);
}

TEST_F(ChecksTest, RefusesOtherVersionsBeforeMaxForwards) {
  EXPECT_EQ(
      refusal(
          SipBuilder::request().start_line("INVITE sip:bob@example.com SIP/3.0").max_forwards("0")),
      505);
}

TEST_F(ChecksTest, RefusesOnlyMaxForwardsOfZero) {
  EXPECT_EQ(refusal(SipBuilder::request().max_forwards("0")), 483);
  EXPECT_EQ(refusal(SipBuilder::request().max_forwards("1")), 0);
  EXPECT_EQ(refusal(SipBuilder::request().remove("Max-Forwards")), 0);
}

TEST_F(ChecksTest, RefusesAViaOfAnotherTransport) {
  for (const std::string_view transport : {"TCP", "TLS", "SCTP"}) {
    const std::string via = "SIP/2.0/" + std::string(transport) + " 192.0.2.1:5060;branch=z9hG4bK1";
    EXPECT_EQ(refusal(SipBuilder::request().via(via)), 400) << transport;
  }
}

TEST_F(ChecksTest, AbsorbsKeepAlives) {
  EXPECT_EQ(judged("\r\n\r\n").absorb_reason, AbsorbReason::KeepAlive);
}

TEST_F(ChecksTest, AnswersABrokenRequestOnlyWhereThatCanBeDone) {
  EXPECT_EQ(judged(SipBuilder::request().max_forwards("x").str()).code, 400);
  EXPECT_EQ(judged(SipBuilder::request().remove("Call-ID").str()).drop_reason,
            DropReason::Malformed);
  EXPECT_EQ(judged(SipBuilder::response().cseq("x").str()).drop_reason, DropReason::Malformed);
  EXPECT_EQ(judged("hello\r\n\r\n").drop_reason, DropReason::NotSip);
}

}  // namespace
}  // namespace siplb::proxy
