// New requests and those whose transaction is known, by StatefulPath (stateful_request.cpp).
#include <gmock/gmock.h>

#include "lane_fixture.h"
#include "proxy/stateful_path.h"

namespace siplb::proxy {
namespace {

using namespace std::chrono_literals;
using sip::Method;
using test::SipBuilder;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

class StatefulRequestTest : public LaneTest {
 protected:
  static std::string invite_of(size_t call) {
    return SipBuilder::request().call_id("call-" + std::to_string(call)).str();
  }
};

TEST_F(StatefulRequestTest, ARepeatOfWhatIsHeldStaysHere) {
  relay(from_client(), SipBuilder::request().str());
  EXPECT_THAT(relay(from_client(), SipBuilder::request().str()).text, StartsWith("SIP/2.0 100 "));
  relay(from_client(), SipBuilder::request(Method::Options).str());
  EXPECT_THAT(deliver(from_client(), SipBuilder::request(Method::Options).str()), SizeIs(0));
  EXPECT_EQ(counters_.absorbed[AbsorbReason::Repeat].value(), 1U);
  EXPECT_EQ(slots_used(), 2U);
}

TEST_F(StatefulRequestTest, ARepeatFromAnotherAddressIsTheSameTransaction) {
  relay(from_client(), SipBuilder::request().str());
  const auto trying = relay(from_client("192.0.2.1:6000"), SipBuilder::request().str());
  EXPECT_THAT(trying.text, StartsWith("SIP/2.0 100 "));
  EXPECT_EQ(contexts_used(), 1U);
}

TEST_F(StatefulRequestTest, WithoutASlotTheRepeatsOfTheClientGoThrough) {
  take_all_slots();
  for (const Method method : {Method::Invite, Method::Options}) {
    const auto first = relay(from_client(), SipBuilder::request(method).str());
    EXPECT_EQ(first.to.remote.port(), 5060);
    const auto repeat = relay(from_client(), SipBuilder::request(method).str());
    EXPECT_EQ(repeat.to, first.to);
    EXPECT_EQ(repeat.text, first.text);
  }
  EXPECT_EQ(counters_.unheld.value(), 2U);
  EXPECT_EQ(counters_.retransmissions.sum(), 0U);
}

// At 3.5 s a 100 would be due to an OPTIONS, but there is nothing to make it from, and nobody here
// who would repeat the request in the client's stead.
TEST_F(StatefulRequestTest, WithoutASlotAnOldRequestStillGoesThrough) {
  take_all_slots();
  const auto first = relay(from_client(), SipBuilder::request(Method::Options).str());
  EXPECT_THAT(wait_until(4s), SizeIs(0));
  EXPECT_EQ(relay(from_client(), SipBuilder::request(Method::Options).str()).to, first.to);
}

TEST_F(StatefulRequestTest, AFullStoreRefusesNewWorkUntilSomeEnds) {
  std::vector<test::SentMessage> sent;
  for (size_t call = 0; call < 64; ++call) sent.push_back(relay(from_client(), invite_of(call)));
  const auto refused = relay(from_client(), invite_of(64));
  EXPECT_THAT(refused.text, StartsWith("SIP/2.0 503 "));
  EXPECT_THAT(refused.text, HasSubstr("\r\nRetry-After: "));
  answer(sent[0], 200);
  EXPECT_THAT(relay(from_client(), invite_of(64)).text, StartsWith("INVITE "));
}

TEST_F(StatefulRequestTest, RefusesAnInviteThatItCouldNotEnd) {
  take_all_slots();
  auto request = SipBuilder::request();
  request.from("<sip:" + std::string(1000, 'a') + "@example.net>;tag=a1");
  EXPECT_THAT(relay(from_client(), request.str()).text, StartsWith("SIP/2.0 503 "));
  EXPECT_EQ(contexts_used(), 0U);
}

TEST_F(StatefulRequestTest, ACancelWaitsForAProvisionalResponse) {
  const auto invite = relay(from_client(), SipBuilder::request().str());
  EXPECT_THAT(relay(from_client(), SipBuilder::request(Method::Cancel).str()).text,
              StartsWith("SIP/2.0 200 "));
  const auto sent = answer(invite, 100);
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0].text, StartsWith("CANCEL sip:bob@example.com "));
  EXPECT_EQ(sent[0].to, invite.to);
  // Once is enough.
  EXPECT_THAT(answer(invite, 180), SizeIs(1));
  EXPECT_THAT(relay(from_client(), SipBuilder::request(Method::Cancel).str()).text,
              StartsWith("SIP/2.0 200 "));
}

TEST_F(StatefulRequestTest, ACancelAfterTheEndChangesNothing) {
  answer(relay(from_client(), SipBuilder::request().str()), 200);
  EXPECT_THAT(relay(from_client(), SipBuilder::request(Method::Cancel).str()).text,
              StartsWith("SIP/2.0 200 "));
  EXPECT_EQ(counters_.originated[OriginatedKind::Cancel].value(), 0U);
}

// A client that gives the ACK to a 2xx the branch of its INVITE.
TEST_F(StatefulRequestTest, TheAckToA2xxGoesOnWhateverItsBranch) {
  const auto invite = relay(from_client(), SipBuilder::request().str());
  answer(invite, 200);
  auto ack = SipBuilder::request(Method::Ack);
  EXPECT_EQ(relay(from_client(), ack.to("<sip:bob@example.com>;tag=b1").str()).to, invite.to);
}

TEST_F(StatefulRequestTest, TheAckToARefusalEndsHere) {
  const auto invite = relay(from_client(), SipBuilder::request().str());
  EXPECT_THAT(answer(invite, 486), SizeIs(2));  // the ACK to it, and the 486
  auto ack = SipBuilder::request(Method::Ack);
  ack.to("<sip:bob@example.com>;tag=b1");
  for (int i = 0; i < 2; ++i) EXPECT_THAT(deliver(from_client(), ack.str()), SizeIs(0));
  EXPECT_EQ(counters_.absorbed[AbsorbReason::Ack].value(), 2U);
  EXPECT_EQ(contexts_used(), 0U);
  EXPECT_THAT(deliver(from_client(), SipBuilder::request().str()), SizeIs(0));
}

// Only the server can say its answer again, and it does so for the same branch.
TEST_F(StatefulRequestTest, ARepeatAfterTheAnswerGoesToTheServerThatGaveIt) {
  const auto options = relay(from_client(), SipBuilder::request(Method::Options).str());
  EXPECT_THAT(answer(options, 200), SizeIs(1));
  const auto repeat = relay(from_client(), SipBuilder::request(Method::Options).str());
  EXPECT_EQ(repeat.to, options.to);
  EXPECT_EQ(repeat.text, options.text);
  EXPECT_THAT(answer(repeat, 200), SizeIs(1));
}

TEST_F(StatefulRequestTest, WhatNobodyAnsweredIsNotAskedAgain) {
  relay(from_client(), SipBuilder::request(Method::Message).str());
  wait_until(32s);
  EXPECT_EQ(contexts_used(), 0U);
  EXPECT_THAT(deliver(from_client(), SipBuilder::request(Method::Message).str()), SizeIs(0));
}

TEST_F(StatefulRequestTest, TwoMethodsOfOneBranchAreTwoTransactions) {
  relay(from_client(), SipBuilder::request().str());
  EXPECT_THAT(relay(from_client(), SipBuilder::request(Method::Message).str()).text,
              StartsWith("MESSAGE "));
  EXPECT_EQ(contexts_used(), 2U);
}

}  // namespace
}  // namespace siplb::proxy
