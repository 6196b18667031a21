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
  lane_->drop_for_full_mailbox(inbound);
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
  Lane lane({}, snapshot_,
            {.memory = {calls_, others_, moved_, *contexts_},
             .routes = *routes_,
             .wire = full,
             .counters = counters,
             .events = events_});
  std::string text = SipBuilder::request().str();
  lane.receive({.octets = text, .flow = from_client()}, scratch_, kTick);
  EXPECT_EQ(full.attempts(), 1U);
  EXPECT_EQ(counters.forwarded.value(), 1U);  // the verdict; that it was lost is the wire's count
  EXPECT_EQ(counters.difference(), 0);
}

}  // namespace
}  // namespace siplb::proxy
