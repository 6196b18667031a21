// Responses to what was relayed with state, by StatefulPath (stateful_response.cpp).
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

void replace(std::string& text, std::string_view what, std::string_view with) {
  const size_t at = text.find(what);
  ASSERT_NE(at, std::string::npos) << what;
  text.replace(at, what.size(), with);
}

class StatefulResponseTest : public LaneTest {
 protected:
  [[nodiscard]] uint64_t dropped(DropReason reason) const {
    return counters_.dropped[reason].value();
  }
};

// Our branch is known to the servers only, so a server may have mangled all else in our Via.
TEST_F(StatefulResponseTest, NeedsNoSealWhereTheBranchIsKnown) {
  auto invite = relay(from_client(), SipBuilder::request().str());
  const size_t seal = invite.text.find(";slb=");
  invite.text.erase(seal, invite.text.find("\r\n", seal) - seal);
  EXPECT_THAT(answer(invite, 180), SizeIs(1));
}

TEST_F(StatefulResponseTest, GoesToTheClientWhateverItsViaSays) {
  auto invite = relay(from_client(), SipBuilder::request().str());
  replace(invite.text, "192.0.2.1:5060", "203.0.113.9:666");
  const auto sent = answer(invite, 200);
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].to, from_client());
}

// The client's address went with the context: only a hash of it is left.
TEST_F(StatefulResponseTest, ALateOneGoesNowhereElseEither) {
  const auto invite = relay(from_client(), SipBuilder::request().str());
  answer(invite, 200);
  ASSERT_EQ(contexts_used(), 0U);
  auto forged = invite;
  replace(forged.text, "192.0.2.1:5060", "203.0.113.9:5060");
  EXPECT_THAT(answer(forged, 200), SizeIs(0));
  EXPECT_EQ(dropped(DropReason::ResponseSealRefused), 1U);
  auto other_port = invite;
  replace(other_port.text, "192.0.2.1:5060", "192.0.2.1:5061");
  EXPECT_THAT(answer(other_port, 200), SizeIs(0));

  const auto sent = answer(invite, 200);
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].to, from_client());
}

TEST_F(StatefulResponseTest, ALateOneFindsAClientBehindANat) {
  auto request = SipBuilder::request();
  request.via("SIP/2.0/UDP 10.9.9.9:5060;rport;branch=z9hG4bK1");
  const auto invite = relay(from_client("192.0.2.7:4444"), request.str());
  answer(invite, 200);
  const auto sent = answer(invite, 200);
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].to, from_client("192.0.2.7:4444"));
}

TEST_F(StatefulResponseTest, OfAnAttemptThatWasNeverMadeIsStray) {
  auto invite = relay(from_client(), SipBuilder::request().str());
  const size_t attempt = invite.text.find(";slb=") - 1;
  ++invite.text[attempt];
  EXPECT_THAT(answer(invite, 200), SizeIs(0));
  EXPECT_EQ(dropped(DropReason::ResponseStray), 1U);
}

TEST_F(StatefulResponseTest, ToACancelThatWasNotSentIsStray) {
  auto invite = relay(from_client(), SipBuilder::request().str());
  replace(invite.text, "CSeq: 1 INVITE", "CSeq: 1 CANCEL");
  EXPECT_THAT(answer(invite, 200), SizeIs(0));
  EXPECT_EQ(dropped(DropReason::ResponseStray), 1U);
}

TEST_F(StatefulResponseTest, OfAnotherMethodIsStray) {
  auto invite = relay(from_client(), SipBuilder::request().str());
  replace(invite.text, "CSeq: 1 INVITE", "CSeq: 1 BYE");
  EXPECT_THAT(answer(invite, 200), SizeIs(0));
  EXPECT_EQ(dropped(DropReason::ResponseStray), 1U);
}

TEST_F(StatefulResponseTest, NoOtherProvisionalThanA100GoesToANonInvite) {
  const auto options = relay(from_client(), SipBuilder::request(Method::Options).str());
  EXPECT_THAT(answer(options, 183), SizeIs(0));
  EXPECT_EQ(counters_.absorbed[AbsorbReason::Provisional].value(), 1U);
}

TEST_F(StatefulResponseTest, NoFinalGoesToANonInviteThatIsOver) {
  const auto message = relay(from_client(), SipBuilder::request(Method::Message).str());
  wait_until(32s);
  EXPECT_THAT(answer(message, 200), SizeIs(0));
  EXPECT_EQ(dropped(DropReason::ResponseStray), 1U);
}

TEST_F(StatefulResponseTest, AnOverloadedGroupSaysWhenToComeBack) {
  auto input = two_groups();
  input.groups[kPbx].failover.max_attempts = 2;
  configure(input);
  const auto first = relay(from_client(), SipBuilder::request(Method::Message).str());
  const auto second = answer(first, 503);
  ASSERT_THAT(second, SizeIs(1));
  const auto sent = answer(second[0], 503);
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0].text, StartsWith("SIP/2.0 503 "));
  EXPECT_THAT(sent[0].text, HasSubstr("\r\nRetry-After: 5\r\n"));
}

TEST_F(StatefulResponseTest, WhereAServerIsLeftTheGroupIsNotOverloaded) {
  auto input = two_groups();
  input.groups[kPbx].failover.max_attempts = 1;
  configure(input);
  const auto sent = answer(relay(from_client(), SipBuilder::request(Method::Message).str()), 503);
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_THAT(sent[0].text, StartsWith("SIP/2.0 500 "));
  EXPECT_THAT(sent[0].text, Not(HasSubstr("Retry-After")));
}

TEST_F(StatefulResponseTest, CountsAnswersAndTheirTimes) {
  const auto invite = relay(from_client(), SipBuilder::request().str());
  const balance::ServerIndex index = snapshot_.topology.find_by_address(invite.to.remote);
  const ServerCounters& server = counters_.servers[index];
  EXPECT_EQ(inflight(index), 1U);
  wait_until(100ms);
  answer(invite, 180);
  answer(invite, 200);
  EXPECT_EQ(server.responses[0].value(), 1U);
  EXPECT_EQ(server.responses[1].value(), 1U);
  EXPECT_EQ(server.answer_time.sum_ns(), 100'000'000U);  // of the first answer only
  EXPECT_EQ(inflight(index), 0U);
}

// A final response to what is over: the 2xx that comes again until it is acknowledged.
class StreamLateResponseTest : public LaneTest {
 protected:
  StreamLateResponseTest() {
    configure(over_tcp(two_groups(), sip::Transport::Udp));
    invite_ = relay(client_, tcp_request().str());
    EXPECT_EQ(answer(invite_, 200).front().to, client_);
    EXPECT_EQ(contexts_used(), 0U);
  }

  const transport::Flow client_ = over_stream(from_client("192.0.2.1:40000"));
  test::SentMessage invite_;
};

TEST_F(StreamLateResponseTest, ReturnsByTheConnectionOfItsClient) {
  const auto sent = answer(invite_, 200);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].to.connection, client_.connection);
}

TEST_F(StreamLateResponseTest, ReturnsToTheListenerOfAClientWhoseConnectionHasEnded) {
  wire_.end(client_.connection);
  const auto sent = answer(invite_, 200);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].to.remote, address_of("192.0.2.1:5060"));
}

TEST_F(StreamLateResponseTest, ReturnsToNobodyWhereTheSealDoesNotSayByWhichConnection) {
  std::string text = test::SipBuilder::answer_to(invite_.text).str();
  const size_t seal = text.find(";slb=");
  text.erase(seal, text.find_first_of(";\r", seal + 1) - seal);
  EXPECT_TRUE(deliver(invite_.to, text).empty());
  EXPECT_EQ(counters_.dropped[DropReason::ResponseSealRefused].value(), 1U);
}

}  // namespace
}  // namespace siplb::proxy
