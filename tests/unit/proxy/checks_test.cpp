#include "proxy/checks.h"

#include "transport/lane_sockets.h"

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;

class ChecksTest : public LaneTest {
 protected:
  uint16_t refusal(const SipBuilder& request) {
    const auto verdict = check_request(scanned(request.str()), sip::Transport::Udp, unsupported_);
    return verdict ? verdict->code : 0;
  }
  // The extensions that a refusal lists.
  std::string_view unsupported(const SipBuilder& request) {
    return refusal(request) == 420 ? unsupported_.view() : "none";
  }
  Verdict judged(std::string text) {
    text_ = std::move(text);
    const sip::ScanStatus status = sip::scan(text_, {}, scratch_);
    return judge_fault(status, scratch_);
  }
  // The text as it goes on to a server, from where it was first.
  std::string passed_on(const SipBuilder& request) {
    return relay(from_client(), request.str()).text;
  }

  UnsupportedLine unsupported_;
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

TEST_F(ChecksTest, RefusesWhatCouldNotBeSentOn) {
  const auto of = [](size_t octets) {
    const size_t bare = SipBuilder::request().body("x").str().size() - 1;
    const size_t digits = std::to_string(octets).size() - 1;  // of Content-Length
    return SipBuilder::request().body(std::string(octets - bare - digits, 'x'));
  };
  const size_t octets_max = transport::kUdpMessageMax - kAddedOctetsMax;
  const auto longest = of(octets_max);
  ASSERT_LE(longest.str().size(), octets_max);
  EXPECT_EQ(refusal(longest), 0);
  EXPECT_EQ(refusal(of(octets_max + 5)), 513);
}

TEST_F(ChecksTest, TakesTheSchemesOfSipOnly) {
  for (const std::string_view uri :
       {"sip:bob@example.com", "SIPS:bob@example.com", "tel:+1-201-555-0123", "urn:service:sos"}) {
    EXPECT_EQ(refusal(SipBuilder::request(sip::Method::Invite, uri)), 0) << uri;
  }
  for (const std::string_view uri :
       {"http://example.com", "urn:uuid:0", "mailto:bob@example.com"}) {
    EXPECT_EQ(refusal(SipBuilder::request(sip::Method::Invite, uri)), 416) << uri;
  }
}

TEST_F(ChecksTest, ListsAllExtensionsThatAreRequired) {
  EXPECT_EQ(unsupported(SipBuilder::request().add("Proxy-Require", "foo, bar")),
            "Unsupported: foo, bar\r\n");
  EXPECT_EQ(unsupported(SipBuilder::request()
                            .add("Proxy-Require", "foo")
                            .add("Proxy-Require", "")
                            .add("proxy-require", "bar,baz")),
            "Unsupported: foo, bar,baz\r\n");
  EXPECT_EQ(refusal(SipBuilder::request().add("Proxy-Require", "")), 0);
  EXPECT_EQ(refusal(SipBuilder::request().add("Require", "foo")), 0);  // that is the server's
}

TEST_F(ChecksTest, RefusesMoreExtensionsThanItCanList) {
  constexpr size_t kNamesMax = kUnsupportedOctetsMax - std::string_view("Unsupported: \r\n").size();
  EXPECT_EQ(unsupported(SipBuilder::request().add("Proxy-Require", std::string(kNamesMax, 'x'))),
            "Unsupported: " + std::string(kNamesMax, 'x') + "\r\n");
  EXPECT_EQ(refusal(SipBuilder::request().add("Proxy-Require", std::string(kNamesMax + 1, 'x'))),
            400);
  auto many = SipBuilder::request();
  for (int i = 0; i < 100; ++i) many.add("Proxy-Require", "extension");
  EXPECT_EQ(refusal(many), 400);
}

TEST_F(ChecksTest, AsksNoExtensionsOfAckAndCancel) {
  for (const sip::Method method : {sip::Method::Ack, sip::Method::Cancel}) {
    EXPECT_EQ(refusal(SipBuilder::request(method).add("Proxy-Require", "foo")), 0);
    EXPECT_EQ(refusal(SipBuilder::request(method).max_forwards("0")), 483);
  }
}

// A server that sends it straight back to where clients come in.
TEST_F(ChecksTest, WhatComesBackAsItWasIsALoop) {
  const auto first = relay(from_client(), SipBuilder::request().str());
  const auto sent = relay(from_client("10.0.2.1:5060"), first.text);
  EXPECT_TRUE(sent.text.starts_with("SIP/2.0 482 ")) << sent.text;
}

TEST_F(ChecksTest, WhateverChangesWhereItGoesMakesItASpiral) {
  std::string diverted = passed_on(SipBuilder::request());
  diverted.replace(diverted.find("bob"), 3, "eve");
  EXPECT_TRUE(relay(from_client(), diverted).text.starts_with("INVITE sip:eve@"));
  // The same Request-URI from the other side: a server's own decision.
  const std::string returned = passed_on(SipBuilder::request().call_id("another-call"));
  EXPECT_TRUE(relay(from_server("10.0.2.1:5060"), returned).text.starts_with("INVITE sip:bob@"));
}

TEST_F(ChecksTest, ALoopIsSeenOverAsManyHopsAsRequestsTake) {
  const auto after = [this](int hops) {
    std::string text = passed_on(SipBuilder::request().call_id(std::to_string(hops)));
    std::string vias = "Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK0";
    for (int hop = 1; hop < hops; ++hop) {
      vias += ", SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK" + std::to_string(hop);
    }
    text.insert(text.find("Via:"), vias + "\r\n");
    return relay(from_client(), text).text;
  };
  EXPECT_TRUE(after(3).starts_with("SIP/2.0 482 "));
  EXPECT_TRUE(after(69).starts_with("SIP/2.0 482 "));
  EXPECT_TRUE(after(70).starts_with("INVITE "));
}

// Else anybody could make us refuse a request by a copy of our Via.
TEST_F(ChecksTest, OnlyASealOfOursMakesALoop) {
  std::string text = passed_on(SipBuilder::request());
  const size_t below = text.find("192.0.2.1:5060;");
  text.replace(below, 9, "192.0.2.2");
  text.insert(text.find("Via:"), "Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKx\r\n");
  EXPECT_TRUE(relay(from_client(), text).text.starts_with("INVITE "));
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
