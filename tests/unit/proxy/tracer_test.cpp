#include "proxy/tracer.h"

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;
using Way = TraceRecord::Way;

constexpr uint32_t kTrace = 7;

// What comes in reaches the lane below, which the tracer watches; what leaves is told as workers
// tell it.
class TracerTest : public LaneTest {
 protected:
  void follow(TraceFilter filter) {
    filter.number = kTrace;
    tracer_->follow(std::move(filter));
    around_->outlook.witness = tracer_->look();
  }
  void receive(const transport::Flow& flow, const SipBuilder& message) {
    for (const test::SentMessage& sent : deliver(flow, message.str())) send(sent.to, sent.text);
    tracer_->publish();
  }
  void send(const transport::Flow& to, std::string_view text,
            transport::SendStatus status = transport::SendStatus::Queued) {
    // As the editor would: no piece is more than a part of a header.
    std::vector<std::string_view> pieces;
    for (size_t at = 0; at < text.size(); at += 10) pieces.push_back(text.substr(at, 10));
    tracer_->on_sent(3, to, pieces, status);
  }
  std::vector<TraceRecord> take() {
    tracer_->publish();
    std::vector<TraceRecord> records;
    while (const auto record = tracer_->try_take(kTrace)) records.push_back(*record);
    return records;
  }
  // How many messages of an exchange are followed.
  size_t count_of_call() {
    receive(from_client(), SipBuilder::request().call_id("call"));
    return take().size();
  }

  std::unique_ptr<Tracer> tracer_ = std::make_unique<Tracer>(around_->outlook, tick_);
};

TEST_F(TracerTest, IsNoWitnessUntilSomethingIsFollowed) {
  EXPECT_EQ(tracer_->look(), nullptr);
  follow({});
  EXPECT_EQ(tracer_->look(), tracer_.get());
  tracer_->follow({});
  EXPECT_EQ(tracer_->look(), nullptr);
}

TEST_F(TracerTest, TellsWhatComesBeforeWhatLeavesForIt) {
  follow({});
  receive(from_client(), SipBuilder::request().call_id("call"));
  const auto records = take();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].way, Way::In);
  EXPECT_EQ(records[0].server, balance::kNoServer);
  EXPECT_EQ(records[0].flow.remote, from_client().remote);
  EXPECT_EQ(records[0].outcome.kind, Verdict::Kind::Forward);
  EXPECT_EQ(records[0].at, kTick.now);
  EXPECT_EQ(records[1].way, Way::Out);
  EXPECT_EQ(records[1].flow.remote, snapshot_.topology.servers()[records[1].server].address);
  EXPECT_EQ(records[1].flow.listener, kInside);
  EXPECT_EQ(records[1].lane, 3);
  for (const TraceRecord& record : records) {
    EXPECT_EQ(record.title, "INVITE sip:bob@example.com");
    EXPECT_EQ(record.call_id, "call");
    EXPECT_EQ(record.cseq, "1 INVITE");
  }
}

TEST_F(TracerTest, TellsWhatBecameOfAMessage) {
  follow({});
  receive(from_client(), SipBuilder::request(sip::Method::Publish));
  receive(from_client(), SipBuilder::response(200));
  std::string keep_alive = "\r\n\r\n";
  EXPECT_TRUE(deliver(from_client(), keep_alive).empty());
  const auto records = take();
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[0].outcome.kind, Verdict::Kind::Reply);
  EXPECT_EQ(records[0].outcome.code, 405);
  EXPECT_EQ(records[1].way, Way::Out);
  EXPECT_EQ(records[1].title, "405 Not here");
  EXPECT_EQ(records[2].outcome.kind, Verdict::Kind::Drop);
  EXPECT_EQ(records[2].outcome.drop_reason, DropReason::ResponseViaForeign);
  EXPECT_EQ(records[3].outcome.kind, Verdict::Kind::Absorb);
  EXPECT_EQ(records[3].outcome.absorb_reason, AbsorbReason::KeepAlive);
  EXPECT_EQ(records[3].title, "");
}

TEST_F(TracerTest, TellsWhatCouldNotBeSent) {
  follow({});
  send(from_client(), SipBuilder::response(200).str(), transport::SendStatus::QueueFull);
  const auto records = take();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].sent, transport::SendStatus::QueueFull);
}

TEST_F(TracerTest, FollowsACallId) {
  follow({.call_id = "call"});
  EXPECT_EQ(count_of_call(), 2u);
  follow({.call_id = "cal"});
  EXPECT_EQ(count_of_call(), 0u);
}

TEST_F(TracerTest, FollowsAUser) {
  follow({.user = "bob"});
  EXPECT_EQ(count_of_call(), 2u);
  follow({.user = "carol"});
  EXPECT_EQ(count_of_call(), 0u);
}

TEST_F(TracerTest, FollowsWhatAServerSendsAndGets) {
  follow({.servers = {0, 1}});  // s1 and s2
  receive(from_client(), SipBuilder::request());
  auto records = take();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].way, Way::Out);
  receive(from_server("10.0.2.1:5060"), SipBuilder::request(sip::Method::Options));
  records = take();
  ASSERT_GE(records.size(), 1u);
  EXPECT_EQ(records[0].way, Way::In);
  EXPECT_EQ(records[0].server, 0);
}

TEST_F(TracerTest, TakesAServersAddressForAClientWhereNoServerMaySend) {
  follow({.servers = {0}});
  receive({.remote = address_of("10.0.2.1:5060"), .listener = kPublic},
          SipBuilder::request(sip::Method::Options));
  EXPECT_TRUE(take().empty());
}

TEST_F(TracerTest, FollowsOnlyWhatAllOfTheFilterHoldsFor) {
  follow({.call_id = "call", .user = "bob"});
  EXPECT_EQ(count_of_call(), 2u);
  follow({.call_id = "call", .user = "carol"});
  EXPECT_EQ(count_of_call(), 0u);
}

TEST_F(TracerTest, CountsWhatFindsTheRingFull) {
  follow({});
  const std::string text = SipBuilder::response(200).str();
  for (size_t i = 0; i < TraceRing::kCapacity; ++i) send(from_client(), text);
  std::string late = SipBuilder::response(200).str();
  deliver(from_client(), late);  // its verdict has no place to go to
  EXPECT_EQ(tracer_->lost(), 1u);
  EXPECT_EQ(take().size(), TraceRing::kCapacity);
}

TEST_F(TracerTest, ThrowsAwayWhatAnEarlierTraceHasLeft) {
  follow({});
  receive(from_client(), SipBuilder::request());
  EXPECT_EQ(tracer_->try_take(kTrace + 1), std::nullopt);
  EXPECT_TRUE(take().empty());
}

TEST_F(TracerTest, ReadsHeadsOnly) {
  follow({.call_id = "call"});
  send(from_client(),
       SipBuilder::response(200).call_id("call").body(std::string(60'000, 'x')).str());
  EXPECT_EQ(take().size(), 1u);
}

}  // namespace
}  // namespace siplb::proxy
