// What time brings, and how a request ends, by StatefulPath (settle.cpp).
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

class SettleTest : public LaneTest {
 protected:
  // Whatever happened: nothing is left of it but tombstones.
  void expect_nothing_left() {
    EXPECT_EQ(contexts_used(), 0U);
    EXPECT_EQ(slots_used(), 0U);
    EXPECT_EQ(contexts_->wheel().size(), 0U);
    for (size_t i = 0; i < counters_.servers.size(); ++i) EXPECT_EQ(inflight(i), 0U);
  }
  static std::vector<test::SentMessage> to_client(std::vector<test::SentMessage> sent) {
    std::erase_if(sent, [](const auto& message) { return message.to.listener != kPublic; });
    return sent;
  }
};

TEST_F(SettleTest, AnInviteToSilentServersEndsOnce) {
  relay(from_client(), SipBuilder::request().str());
  const auto sent = to_client(wait_until(40s));
  ASSERT_FALSE(sent.empty());
  EXPECT_THAT(sent[0].text, StartsWith("SIP/2.0 100 "));
  EXPECT_THAT(sent[1].text, StartsWith("SIP/2.0 408 "));
  wait_until(2min);
  expect_nothing_left();
}

TEST_F(SettleTest, ANonInviteToSilentServersEndsInSilence) {
  relay(from_client(), SipBuilder::request(Method::Options).str());
  const auto sent = to_client(wait_until(40s));
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0].text, StartsWith("SIP/2.0 100 "));  // RFC 4320: no 408
  expect_nothing_left();
}

TEST_F(SettleTest, ARefusalIsRepeatedUntilTheClientIsTakenForGone) {
  const auto invite = relay(from_client(), SipBuilder::request().str());
  answer(invite, 180);
  answer(invite, 486);
  const auto sent = to_client(wait_until(32s - 1ms));
  EXPECT_THAT(sent, SizeIs(10));  // G: 0.5, 1.5, 3.5 s, then every 4 s
  EXPECT_EQ(counters_.retransmissions[RepeatDirection::Client].value(), 10U);
  EXPECT_THAT(wait_until(32s), SizeIs(0));
  expect_nothing_left();
}

TEST_F(SettleTest, WhoWasGivenUpLeavesNothingBehind) {
  const auto first = relay(from_client(), SipBuilder::request(Method::Options).str());
  for (const auto& sent : wait_until(1s)) {
    if (sent.to.remote == first.to.remote) continue;
    EXPECT_THAT(to_client(answer(sent, 200)), SizeIs(1));
  }
  expect_nothing_left();
}

TEST_F(SettleTest, ACallThatIsAnsweredTwiceLeavesNothingBehind) {
  const auto first = relay(from_client(), SipBuilder::request().str());
  for (const auto& sent : wait_until(1s)) {
    if (sent.to.listener == kInside && sent.to.remote != first.to.remote) answer(sent, 200);
  }
  EXPECT_THAT(to_client(answer(first, 200)), SizeIs(1));  // late_2xx: forward
  EXPECT_EQ(counters_.duplicate_answers.value(), 1U);
  expect_nothing_left();
}

TEST_F(SettleTest, ARingingPhoneIsStoppedByTimerC) {
  const auto invite = relay(from_client(), SipBuilder::request().str());
  answer(invite, 100);
  wait_until(4min);
  answer(invite, 180);
  wait_until(9min - 1ms);
  EXPECT_EQ(counters_.originated[OriginatedKind::Cancel].value(), 0U);
  wait_until(9min);
  EXPECT_EQ(counters_.originated[OriginatedKind::Cancel].value(), 1U);
  // Nothing comes of the CANCEL either (9.1).
  const auto sent = to_client(wait_until(9min + 32s));
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0].text, StartsWith("SIP/2.0 408 "));
  wait_until(12min);
  expect_nothing_left();
}

TEST_F(SettleTest, ACancelThatNothingComesOfEndsWith487) {
  const auto invite = relay(from_client(), SipBuilder::request().str());
  answer(invite, 180);
  deliver(from_client(), SipBuilder::request(Method::Cancel).str());
  const auto sent = to_client(wait_until(32s));
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0].text, StartsWith("SIP/2.0 487 "));
}

// Each deadline moves on when it has fired.
TEST_F(SettleTest, WakesUpOnlyWhenThereIsWork) {
  const auto invite = relay(from_client(), SipBuilder::request().str());
  answer(invite, 180);
  wait_until(1h);
  // Besides once a second, for the sweep, while its call is counted: until C, then until its CANCEL
  // is given up.
  EXPECT_LT(wake_ups_, 40U + 300U + 32U);
  expect_nothing_left();
}

}  // namespace
}  // namespace siplb::proxy
