// What is sent of our own accord, by StatefulPath (originate.cpp).
#include <gmock/gmock.h>

#include "lane_fixture.h"
#include "proxy/stateful_path.h"

namespace siplb::proxy {
namespace {

using namespace std::chrono_literals;
using sip::Method;
using test::SipBuilder;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

class OriginateTest : public LaneTest {
 protected:
  // A call whose client has been told 408, so that nobody waits for an answer any more.
  test::SentMessage call_that_is_over() {
    auto input = two_groups();
    input.groups[kPbx].failover.max_attempts = 1;
    configure(input);
    const auto invite = relay(from_client(), SipBuilder::request().str());
    wait_until(32s);
    auto ack = SipBuilder::request(Method::Ack);
    deliver(from_client(), ack.to("<sip:bob@example.com>;tag=slb").str());
    return invite;
  }
};

TEST_F(OriginateTest, EndsACallThatIsAnsweredTooLate) {
  const auto invite = call_that_is_over();
  const auto sent = answer(invite, 200);
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_THAT(sent[0].text, StartsWith("ACK sip:bob@10.0.2.9:5070 SIP/2.0\r\n"));
  EXPECT_THAT(sent[0].text, HasSubstr("\r\nCSeq: 1 ACK\r\n"));
  EXPECT_THAT(sent[1].text, StartsWith("BYE sip:bob@10.0.2.9:5070 SIP/2.0\r\n"));
  EXPECT_THAT(sent[1].text, HasSubstr("\r\nCSeq: 2 BYE\r\n"));
  EXPECT_EQ(sent[1].to, invite.to);
  EXPECT_EQ(counters_.duplicate_answers.value(), 1U);

  // The server has not heard the ACK yet; one BYE is enough.
  const auto again = answer(invite, 200);
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].text, sent[0].text);

  const auto repeats = wait_until(33s);
  ASSERT_THAT(repeats, Not(IsEmpty()));
  EXPECT_EQ(repeats[0].text, sent[1].text);
  EXPECT_THAT(answer(sent[1], 200), SizeIs(0));
  EXPECT_EQ(counters_.absorbed[AbsorbReason::OwnRequest].value(), 1U);
  EXPECT_EQ(slots_used(), 0U);
}

TEST_F(OriginateTest, EndsNoCallForSomebodyWhoIsNoServer) {
  const auto invite = call_that_is_over();
  EXPECT_THAT(
      deliver(from_client("203.0.113.9:5060"),
              SipBuilder::answer_to(invite.text).contact("<sip:victim@198.51.100.7>").str()),
      SizeIs(0));
}

TEST_F(OriginateTest, AcknowledgesARefusalThatComesTooLate) {
  const auto invite = call_that_is_over();
  const auto sent = answer(invite, 486);
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0].text, StartsWith("ACK "));
  EXPECT_EQ(sent[0].to, invite.to);
}

TEST_F(OriginateTest, TheAckToARefusalIsThatOfItsInvite) {
  auto request = SipBuilder::request();
  const auto invite = relay(from_client(), request.route("<sip:10.0.0.1;lr>").str());
  const auto sent = answer(invite, 486);
  ASSERT_THAT(sent, SizeIs(2));
  const std::string& ack = sent[0].text;
  EXPECT_THAT(ack, StartsWith("ACK sip:bob@example.com SIP/2.0\r\n"));
  EXPECT_THAT(ack, HasSubstr("\r\nTo: <sip:bob@example.com>;tag=b1\r\n"));
  EXPECT_THAT(ack, Not(HasSubstr("\r\nRoute:")));
  const size_t branch = invite.text.find(";branch=");
  EXPECT_THAT(ack, HasSubstr(invite.text.substr(branch, invite.text.find(";slb=") - branch)));
  // It came again, so the ACK got lost.
  const auto again = answer(invite, 486);
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].text, ack);
}

// They must find the transaction of an INVITE that was edited for it.
TEST_F(OriginateTest, ToAStrictRouterTheCancelAndTheAckAreAsTheInviteWas) {
  const auto server = from_server("10.0.2.1:5060");
  const auto with_routes = [](Method method) {
    return SipBuilder::request(method)
        .route("<sip:10.0.1.1;lr>")
        .route("<sip:10.0.3.2:5090>")
        .route("<sip:last;lr>")
        .str();
  };
  const auto invite = relay(server, with_routes(Method::Invite));
  ASSERT_THAT(invite.text, StartsWith("INVITE sip:10.0.3.2:5090 SIP/2.0\r\n"));
  answer(invite, 180);
  const auto cancel = deliver(server, with_routes(Method::Cancel));
  ASSERT_THAT(cancel, SizeIs(2));  // and the 200 to it
  EXPECT_THAT(cancel[0].text, StartsWith("CANCEL "));
  const auto refused = answer(invite, 487);
  ASSERT_THAT(refused, SizeIs(2));  // and the 487
  EXPECT_THAT(refused[0].text, StartsWith("ACK "));
  for (const auto* sent : {&cancel[0], &refused[0]}) {
    EXPECT_THAT(sent->text, HasSubstr(" sip:10.0.3.2:5090 SIP/2.0\r\n"));
    EXPECT_THAT(sent->text, HasSubstr("\r\nRoute: <sip:last;lr>\r\n"));
    EXPECT_THAT(sent->text, HasSubstr("\r\nRoute: <sip:bob@example.com>\r\n"));
    EXPECT_EQ(sent->to, invite.to);
  }
}

// A client may have taken somebody else's address since.
TEST_F(OriginateTest, WhatAClientAnswersTooLateIsNotAcknowledged) {
  auto input = two_groups();
  input.listeners[kPublic].address = address_of("203.0.113.1:5060");
  input.routes[0].action = RouteAction::ForwardByUri;
  configure(input);
  const auto invite = relay(from_server("10.0.2.1:5060"),
                            SipBuilder::request(Method::Invite, "sip:carol@192.0.2.9").str());
  ASSERT_EQ(invite.to, from_client("192.0.2.9:5060"));
  wait_until(2min);
  ASSERT_EQ(contexts_used(), 0U);
  for (const uint16_t code : {uint16_t{200}, uint16_t{486}}) {
    auto late = SipBuilder::answer_to(invite.text, code);
    EXPECT_THAT(deliver(invite.to, late.contact("<sip:carol@192.0.2.9>").str()), SizeIs(0));
  }
}

TEST_F(OriginateTest, OneTryingIsEnough) {
  const auto invite = relay(from_client(), SipBuilder::request().str());
  EXPECT_THAT(answer(invite, 100), SizeIs(0));
  const auto sent = wait_until(10s);
  EXPECT_EQ(std::count_if(sent.begin(), sent.end(),
                          [](const auto& each) { return each.to.listener == kPublic; }),
            1);
  EXPECT_THAT(answer(invite, 100), SizeIs(0));
  EXPECT_EQ(counters_.originated[OriginatedKind::Trying].value(), 1U);
}

// All Vias come back in a response, and these leave no room for it.
TEST_F(OriginateTest, WhatCannotBeAnsweredEndsInSilence) {
  auto request = SipBuilder::request();
  for (int i = 0; i < 9; ++i) {
    request.add("Via", "SIP/2.0/UDP " + std::string(1000, 'h') + ";branch=z9hG4bK1");
  }
  relay(from_client(), request.str());
  for (const auto& sent : wait_until(2min)) EXPECT_NE(sent.to.listener, kPublic);
  EXPECT_EQ(contexts_used(), 0U);
  EXPECT_EQ(slots_used(), 0U);
  EXPECT_EQ(counters_.originated[OriginatedKind::Final].value(), 0U);
}

TEST_F(OriginateTest, AFinalThatWasNotKeptIsMadeAgain) {
  take_all_slots();
  const auto invite = relay(from_client(), SipBuilder::request().str());
  EXPECT_THAT(answer(invite, 486), SizeIs(2));
  EXPECT_EQ(contexts_used(), 0U);
  EXPECT_THAT(relay(from_client(), SipBuilder::request().str()).text, StartsWith("SIP/2.0 486 "));
}

}  // namespace
}  // namespace siplb::proxy
