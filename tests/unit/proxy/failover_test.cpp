// When a request goes on to another server, by StatefulPath (failover.cpp).
#include <gmock/gmock.h>

#include "lane_fixture.h"
#include "proxy/stateful_path.h"

namespace siplb::proxy {
namespace {

using namespace std::chrono_literals;
using sip::Method;
using test::SipBuilder;
using testing::SizeIs;
using testing::StartsWith;

class FailoverTest : public LaneTest {
 protected:
  [[nodiscard]] uint64_t failovers(FailoverReason reason) const {
    uint64_t sum = 0;
    for (const ServerCounters& server : counters_.servers) sum += server.failovers[reason].value();
    return sum;
  }
  // Those of `sent` that go to another server than `first`.
  static std::vector<test::SentMessage> elsewhere(std::vector<test::SentMessage> sent,
                                                  const test::SentMessage& first) {
    std::erase_if(sent, [&](const auto& message) {
      return message.to.remote == first.to.remote || message.to.listener == kPublic;
    });
    return sent;
  }
};

TEST_F(FailoverTest, WhatDidNotArriveGoesToAnotherServerAtOnce) {
  const auto first = relay(from_client(), SipBuilder::request(Method::Message).str());
  const auto second = undelivered(first);
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_NE(second[0].to.remote, first.to.remote);
  EXPECT_EQ(failovers(FailoverReason::Unreachable), 1U);
  // The same error again is of an attempt that is over.
  EXPECT_THAT(undelivered(first), SizeIs(0));
  const auto refused = undelivered(second[0]);
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_THAT(refused[0].text, StartsWith("SIP/2.0 503 "));
  EXPECT_EQ(contexts_used(), 0U);
}

TEST_F(FailoverTest, AnErrorCountsOnlyForWhatWasSentThere) {
  auto invite = relay(from_client(), SipBuilder::request().str());
  auto elsewhere = invite;
  elsewhere.to.remote = address_of("10.0.2.9:5060");
  EXPECT_THAT(undelivered(elsewhere), SizeIs(0));
  auto options = invite;
  options.text.replace(0, 6, "OPTION");
  EXPECT_THAT(undelivered(options), SizeIs(0));
  auto another_attempt = invite;
  ++another_attempt.text[another_attempt.text.find(";slb=") - 1];
  EXPECT_THAT(undelivered(another_attempt), SizeIs(0));
  auto ack = invite;  // of the same transaction, but nobody waits for an answer to it
  ack.text.replace(0, 6, "ACK");
  EXPECT_THAT(undelivered(ack), SizeIs(0));
  EXPECT_EQ(failovers(FailoverReason::Unreachable), 0U);
}

TEST_F(FailoverTest, AnErrorAfterAnAnswerIsForged) {
  const auto invite = relay(from_client(), SipBuilder::request().str());
  answer(invite, 100);
  EXPECT_THAT(undelivered(invite), SizeIs(0));
  EXPECT_EQ(failovers(FailoverReason::Unreachable), 0U);
}

TEST_F(FailoverTest, WhatIsNotHeldGoesNowhereElse) {
  take_all_slots();
  const auto invite = relay(from_client(), SipBuilder::request().str());
  const auto sent = undelivered(invite);
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0].text, StartsWith("SIP/2.0 500 "));  // the other server was not asked
}

TEST_F(FailoverTest, ARouteThatNamesTheServerLeavesNoChoice) {
  const auto invite = relay(from_server("10.0.2.1:5060"),
                            SipBuilder::request().route("<sip:10.0.3.2:5090;lr>").str());
  const auto sent = undelivered(invite);
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0].text, StartsWith("SIP/2.0 500 "));
}

TEST_F(FailoverTest, WithoutABudgetTheFirstChoiceIsKept) {
  auto input = two_groups();
  input.groups[kPbx].failover.budget_percent = 0;
  configure(input);
  const auto invite = relay(from_client(), SipBuilder::request().str());
  EXPECT_THAT(elsewhere(wait_until(20s), invite), SizeIs(0));
  EXPECT_GT(counters_.groups[kPbx].budget_exhausted.value(), 0U);
  // One that certainly was not heard costs nobody anything.
  EXPECT_THAT(elsewhere(undelivered(invite), invite), SizeIs(1));
}

TEST_F(FailoverTest, MaxAttemptsCountsTheFirst) {
  auto input = two_groups();
  input.groups[kPbx].failover.max_attempts = 1;
  configure(input);
  const auto invite = relay(from_client(), SipBuilder::request().str());
  EXPECT_THAT(elsewhere(wait_until(20s), invite), SizeIs(0));
}

TEST_F(FailoverTest, TheLastServerHasItsWholeTimeAfterAFailoverByCode) {
  const auto first = relay(from_client(), SipBuilder::request().str());
  const auto sent = elsewhere(answer(first, 503), first);
  ASSERT_THAT(sent, SizeIs(1));
  wait_until(5s);
  const auto answered = answer(sent[0], 200);
  ASSERT_THAT(answered, SizeIs(1));
  EXPECT_THAT(answered[0].text, StartsWith("SIP/2.0 200 "));
  EXPECT_EQ(answered[0].to, from_client());
}

TEST_F(FailoverTest, SleepsWhileAServerIsSilent) {
  auto input = two_groups();
  input.groups[kPbx].failover.first_response_timeout = 100ms;
  configure(input);
  relay(from_client(), SipBuilder::request().str());
  wait_until(31s);
  // Repeats, 100, and both servers' silence: nothing that comes again and again.
  EXPECT_LT(wake_ups_, 400U);
}

// All servers are reached by streams only.
class StreamFailoverTest : public FailoverTest {
 protected:
  StreamFailoverTest() { configure(over_tcp(two_groups(), sip::Transport::Tcp)); }
  // Refuses streams to the server that a request of that call would go to.
  test::SentMessage refuse_first(Method method) {
    const auto probe = relay(from_client(), SipBuilder::request(method).str());
    configure(over_tcp(two_groups(), sip::Transport::Tcp));
    wire_.refuse(probe.to.remote);
    return probe;
  }
};

TEST_F(StreamFailoverTest, WhatAStreamRefusesGoesToAnotherServerAtOnce) {
  const auto probe = refuse_first(Method::Message);
  const auto inflight_of_all = [this] {
    uint64_t sum = 0;
    for (size_t i = 0; i < counters_.servers.size(); ++i) sum += inflight(i);
    return sum;
  };
  const uint64_t before = inflight_of_all();
  const auto sent = relay(from_client(), SipBuilder::request(Method::Message).str());
  EXPECT_NE(sent.to.remote, probe.to.remote);
  EXPECT_EQ(failovers(FailoverReason::Unreachable), 1U);
  EXPECT_THAT(answer(sent, 200), SizeIs(1));
  EXPECT_EQ(contexts_used(), 0U);
  EXPECT_EQ(inflight_of_all(), before);
}

TEST_F(StreamFailoverTest, WhatAllRefuseIsAnsweredAndForgotten) {
  for (const auto& server : snapshot_.topology.servers()) wire_.refuse(server.address);
  const auto refused = relay(from_client(), SipBuilder::request().str());
  EXPECT_THAT(refused.text, StartsWith("SIP/2.0 503 "));
  EXPECT_THAT(refused.text, testing::HasSubstr("\r\nRetry-After: "));
  EXPECT_EQ(contexts_used(), 0U);
  EXPECT_EQ(slots_used(), 0U);
}

TEST_F(StreamFailoverTest, WhatNeverLeftItsQueueGoesToAnotherServer) {
  const auto first = relay(from_client(), SipBuilder::request(Method::Message).str());
  const auto second = unsent(first);
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_NE(second[0].to.remote, first.to.remote);
  const auto refused = unsent(second[0]);
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_THAT(refused[0].text, StartsWith("SIP/2.0 503 "));
  EXPECT_EQ(contexts_used(), 0U);
}

TEST_F(StreamFailoverTest, ASilentServerIsKeptWhereTheNextRefuses) {
  const auto first = relay(from_client(), SipBuilder::request().str());
  for (const auto& server : snapshot_.topology.servers()) wire_.refuse(server.address);
  EXPECT_THAT(elsewhere(wait_until(20s), first), SizeIs(0));
  const auto answered = answer(first, 200);
  ASSERT_THAT(answered, SizeIs(1));
  EXPECT_THAT(answered[0].text, StartsWith("SIP/2.0 200 "));
}

TEST_F(StreamFailoverTest, WhatIsLostIsSentOnceMoreToItsServer) {
  const auto first = relay(from_client(), SipBuilder::request(Method::Message).str());
  const auto again = disconnected(first);
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].to, first.to);
  EXPECT_EQ(again[0].text, first.text);
  const auto refused = disconnected(again[0]);
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_THAT(refused[0].text, StartsWith("SIP/2.0 500 "));  // nobody else was asked
  EXPECT_EQ(contexts_used(), 0U);
}

TEST_F(StreamFailoverTest, WhatIsLostGoesElsewhereIfItsServerIsGoneAndThatDoesNoHarm) {
  const auto first = relay(from_client(), SipBuilder::request().str());
  const auto again = disconnected(first);
  ASSERT_THAT(again, SizeIs(1));
  const auto second = unsent(again[0]);
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_NE(second[0].to.remote, first.to.remote);
  EXPECT_EQ(failovers(FailoverReason::Disconnected), 1U);
  const auto refused = disconnected(second[0]);
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_THAT(refused[0].text, StartsWith("SIP/2.0 503 "));
}

TEST_F(StreamFailoverTest, WhatIsLostAndMayHaveBeenDoneGoesToNobodyElse) {
  const auto first = relay(from_client(), SipBuilder::request(Method::Message).str());
  wire_.refuse(first.to.remote);
  const auto refused = disconnected(first);
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_THAT(refused[0].text, StartsWith("SIP/2.0 500 "));
  EXPECT_EQ(contexts_used(), 0U);
}

TEST_F(StreamFailoverTest, OnlyTheConnectionThatItWasSentByMatters) {
  const auto first = relay(from_client(), SipBuilder::request().str());
  auto another = first;
  another.to.remote = address_of("10.0.2.9:5060");
  EXPECT_THAT(disconnected(another), SizeIs(0));
  lane_->on_disconnected(over_stream(first.to, Opened::ByThem), tick_);
  EXPECT_THAT(wire_.take(), SizeIs(0));
  EXPECT_EQ(failovers(FailoverReason::Disconnected), 0U);
}

TEST_F(StreamFailoverTest, WhatRingsMayBeAnsweredByAnotherConnection) {
  const auto invite = relay(from_client(), SipBuilder::request().str());
  answer(invite, 180);
  EXPECT_THAT(disconnected(invite), SizeIs(0));
  EXPECT_THAT(answer(invite, 200), SizeIs(1));
}

TEST_F(StreamFailoverTest, WithoutABudgetWhatIsLostEnds) {
  auto input = over_tcp(two_groups(), sip::Transport::Tcp);
  input.groups[kPbx].failover.budget_percent = 0;
  configure(input);
  const auto first = relay(from_client(), SipBuilder::request().str());
  wire_.refuse(first.to.remote);
  const auto refused = disconnected(first);
  ASSERT_THAT(refused, SizeIs(1));
  EXPECT_THAT(refused[0].text, StartsWith("SIP/2.0 500 "));
}

TEST_F(StreamFailoverTest, WhatIsGivenUpIsTakenBackFromItsQueue) {
  const auto first = relay(from_client(), SipBuilder::request().str());
  EXPECT_THAT(elsewhere(wait_until(1s), first), SizeIs(1));
  const auto withdrawn = wire_.take_withdrawn();
  ASSERT_THAT(withdrawn, SizeIs(1));
  EXPECT_EQ(withdrawn[0].to, first.to);
  EXPECT_THAT(first.text, testing::HasSubstr(";branch=" + withdrawn[0].text + ";"));
}

TEST_F(StreamFailoverTest, ACancelledInviteIsTakenBackAndEndsIfItNeverLeft) {
  const auto invite = relay(from_client(), SipBuilder::request().str());
  relay(from_client(), SipBuilder::request(Method::Cancel).str());
  EXPECT_THAT(wire_.take_withdrawn(), SizeIs(1));
  const auto ended = unsent(invite);
  ASSERT_THAT(ended, SizeIs(1));
  EXPECT_THAT(ended[0].text, StartsWith("SIP/2.0 487 "));
}

TEST_F(StreamFailoverTest, ACancelledInviteThatStillWaitsEndsAtOnce) {
  wire_.let_wait();
  relay(from_client(), SipBuilder::request().str());
  std::vector<std::string> starts;
  for (const auto& sent : deliver(from_client(), SipBuilder::request(Method::Cancel).str())) {
    starts.push_back(sent.text.substr(0, 12));
  }
  EXPECT_THAT(starts, testing::UnorderedElementsAre("SIP/2.0 200 ", "SIP/2.0 487 "));
}

TEST_F(StreamFailoverTest, NothingIsRepeatedOverAStream) {
  relay(from_client(), SipBuilder::request(Method::Message).str());
  for (const auto& sent : wait_until(31s)) EXPECT_EQ(sent.to.listener, kPublic);
  EXPECT_EQ(counters_.retransmissions.sum(), 0U);
}

}  // namespace
}  // namespace siplb::proxy
