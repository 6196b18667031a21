#include "proxy/lane.h"

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;

TEST_F(LaneTest, CountsWhatArrivesByWhatItLooksLike) {
  deliver(from_client(), SipBuilder::request().str());
  deliver(from_client(), SipBuilder::response().str());
  deliver(from_client(), "\r\n");
  const auto& received = counters_.received[static_cast<size_t>(sip::Transport::Udp)];
  EXPECT_EQ(received[MessageKind::Request].value(), 1U);
  EXPECT_EQ(received[MessageKind::Response].value(), 1U);
  EXPECT_EQ(received[MessageKind::Other].value(), 1U);
}

TEST_F(LaneTest, GivesEachMessageOneVerdict) {
  deliver(from_client(), SipBuilder::request().str());
  deliver(from_client(), SipBuilder::request(sip::Method::Publish).str());
  deliver(from_client(), "\r\n\r\n");
  deliver(from_client(), "nonsense");
  EXPECT_EQ(counters_.forwarded.value(), 1U);
  EXPECT_EQ(counters_.answered[answer_code_slot(405)].value(), 1U);
  EXPECT_EQ(counters_.absorbed[AbsorbReason::KeepAlive].value(), 1U);
  EXPECT_EQ(counters_.dropped[DropReason::NotSip].value(), 1U);
}

TEST_F(LaneTest, AccountsForMessagesOfOtherLanes) {
  std::string text = SipBuilder::request().str();
  const transport::Inbound inbound{.octets = text, .flow = from_client()};
  lane_->hand_out(inbound);
  lane_->drop_for_full_mailbox(inbound, scratch_, kTick);
  EXPECT_EQ(counters_.handed_out[MessageKind::Request].value(), 1U);
  EXPECT_EQ(counters_.dropped[DropReason::MailboxFull].value(), 1U);
  EXPECT_EQ(counters_.difference(), 0);
  lane_->take_over(inbound, scratch_, kTick);
  EXPECT_EQ(counters_.handed_in.value(), 1U);
  EXPECT_EQ(counters_.forwarded.value(), 1U);
  EXPECT_EQ(counters_.difference(), 0);
}

TEST_F(LaneTest, DropsWhatIsLongerThanTheLimit) {
  auto input = two_groups();
  input.message_octets_max = 512;
  configure(input);
  EXPECT_TRUE(
      deliver(from_client(), SipBuilder::request().body(std::string(512, 'x')).str()).empty());
  EXPECT_EQ(counters_.dropped[DropReason::Oversize].value(), 1U);
}

TEST_F(LaneTest, GoesOnWhenTheWireTakesNothing) {
  test::FakeWire full(0);
  LaneCounters counters(snapshot_.topology.servers().size(), snapshot_.topology.groups().size());
  Lane lane({}, around_->outlook,
            {.memory = {calls_, others_, moved_, *contexts_},
             .wire = full,
             .counters = counters,
             .events = events_,
             .load = around_->load,
             .calls = around_->calls,
             .health = around_->health,
             .names = around_->names});
  std::string text = SipBuilder::request().str();
  lane.receive({.octets = text, .flow = from_client()}, scratch_, kTick);
  EXPECT_EQ(full.attempts(), 1U);
  EXPECT_EQ(counters.forwarded.value(), 1U);  // the verdict; that it was lost is the wire's count
  EXPECT_EQ(counters.difference(), 0);
}

class FramingTest : public LaneTest {
 protected:
  std::vector<test::SentMessage> deliver_head(std::string text, sip::FrameFault fault) {
    lane_->receive({.octets = text, .flow = over_stream(from_client()), .frame_fault = fault},
                   scratch_, tick_);
    EXPECT_EQ(counters_.difference(), 0);
    return wire_.take();
  }
};

TEST_F(FramingTest, AHeadWithoutAnEndIsAnsweredAndNeverSentOn) {
  const std::string whole = SipBuilder::request().str();
  const auto refused = deliver_head(whole, sip::FrameFault::NoLength);
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_TRUE(refused[0].text.starts_with("SIP/2.0 400 "));
  EXPECT_EQ(refused[0].to, over_stream(from_client()));
  const auto too_long = deliver_head(SipBuilder::request().content_length("65536").str(),
                                     sip::FrameFault::MessageTooLong);
  ASSERT_EQ(too_long.size(), 1U);
  EXPECT_TRUE(too_long[0].text.starts_with("SIP/2.0 513 "));
}

TEST_F(FramingTest, AHeadThatCannotBeAnsweredIsDropped) {
  for (const std::string& text :
       {SipBuilder::request(sip::Method::Ack).str(), SipBuilder::response().str(),
        std::string("INVITE sip:a SIP/2.0\r\n\r\n")}) {
    EXPECT_TRUE(deliver_head(text, sip::FrameFault::BadLength).empty()) << text;
  }
  EXPECT_EQ(counters_.dropped[DropReason::Malformed].value(), 3U);
}

TEST_F(FramingTest, AnErrorAnswerOverAStreamMayBeLongerThanItsRequest) {
  const std::string text =
      "X x SIP/2.0\r\nv:SIP/2.0/TCP h;branch=1\r\nf:a\r\nt:b\r\ni:c\r\nCSeq:1 X\r\nl:9\r\n\r\n";
  EXPECT_EQ(deliver_head(text, sip::FrameFault::BadLength).size(), 1U);
}

TEST_F(FramingTest, ForAFullMailboxOnlyRequestsOfStreamsAreAnswered) {
  const auto refuse = [&](std::string text, const transport::Flow& flow) {
    lane_->drop_for_full_mailbox({.octets = text, .flow = flow}, scratch_, tick_);
    EXPECT_EQ(counters_.difference(), 0);
    return wire_.take();
  };
  const auto stream = over_stream(from_client());
  const auto answered = refuse(SipBuilder::request().str(), stream);
  ASSERT_EQ(answered.size(), 1U);
  EXPECT_TRUE(answered[0].text.starts_with("SIP/2.0 503 "));
  EXPECT_TRUE(refuse(SipBuilder::request(sip::Method::Ack).str(), stream).empty());
  EXPECT_TRUE(refuse(SipBuilder::response().str(), stream).empty());
  EXPECT_TRUE(refuse("GET / HTTP/1.1\r\n\r\n", stream).empty());
  EXPECT_TRUE(refuse(SipBuilder::request().str(), from_client()).empty());
  EXPECT_EQ(counters_.dropped[DropReason::MailboxFull].value(), 4U);
}

// A binding request of RFC 5389 without attributes.
std::string stun_request() {
  std::string text("\x00\x01\x00\x00\x21\x12\xa4\x42", 8);
  return text.append(12, 't');
}

TEST_F(LaneTest, AnswersStunOverUdpWhereItsListenerIsAskedTo) {
  EXPECT_TRUE(deliver(from_client(), stun_request()).empty());
  EXPECT_EQ(counters_.dropped[DropReason::NotSip].value(), 1U);
  auto input = over_tcp(two_groups(), sip::Transport::Udp);
  input.listeners[kPublic].stun = true;
  configure(input);
  const auto answered = relay(from_client(), stun_request());
  EXPECT_EQ(answered.to, from_client());
  EXPECT_TRUE(answered.text.starts_with(std::string_view("\x01\x01", 2)));
  EXPECT_EQ(counters_.absorbed[AbsorbReason::Stun].value(), 1U);
  EXPECT_TRUE(deliver(over_stream(from_client()), stun_request()).empty());
  EXPECT_TRUE(deliver(from_server("10.0.2.1:5060"), stun_request()).empty());
  // Its attributes don't fit.
  std::string broken = stun_request() + std::string("\x80\x22\xff\xff", 4);
  broken[3] = 4;
  EXPECT_TRUE(deliver(from_client(), broken).empty());
  EXPECT_EQ(counters_.absorbed[AbsorbReason::Stun].value(), 1U);
}

}  // namespace
}  // namespace siplb::proxy
