#include "proxy/response_path.h"

#include <gmock/gmock.h>

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;
using testing::HasSubstr;
using testing::Not;

class ResponsePathTest : public LaneTest {
 protected:
  ResponsePathTest() { invite_ = relay(from_client(), SipBuilder::request().str()); }

  void expect_drop(std::string response, DropReason reason) {
    const uint64_t before = counters_.dropped[reason].value();
    EXPECT_TRUE(
        deliver({.remote = invite_.to.remote, .listener = kInside}, std::move(response)).empty());
    EXPECT_EQ(counters_.dropped[reason].value(), before + 1) << name(reason);
  }

  // The clients' listener has all addresses, and what they send goes on without state.
  void configure_stateless() {
    auto input = two_groups();
    input.listeners[kPublic].address = address_of("0.0.0.0:5060");
    input.listeners[kPublic].advertise = {{.to = {}, .as = "203.0.113.1"}};
    for (RouteOptions& route : input.routes) route.is_stateless = true;
    configure(input);
    tick_.minute = kSentAt;
    invite_ = relay(client_, SipBuilder::request().str());
  }

  static constexpr uint16_t kSentAt = 65535;  // the next minute is 0
  transport::Flow client_ = from_client();
  test::SentMessage invite_;
};

TEST_F(ResponsePathTest, ReturnsByTheListenerThatTheRequestCameBy) {
  const auto sent = relay({.remote = invite_.to.remote, .listener = kInside},
                          SipBuilder::answer_to(invite_.text, 180).str());
  EXPECT_EQ(sent.to, from_client());
  EXPECT_THAT(sent.text, Not(HasSubstr("slb=")));
  const auto server = snapshot_.topology.find_by_address(invite_.to.remote);
  EXPECT_EQ(counters_.servers[server].responses[0].value(), 1U);
}

TEST_F(ResponsePathTest, TakesOurViaOffAHeaderThatBothShare) {
  std::string text = SipBuilder::answer_to(invite_.text).str();
  const size_t second = text.find("Via: ", text.find("Via: ") + 1);
  text.replace(second - 2, 7, ", ");  // CRLF and "Via: "
  const auto sent = relay({.remote = invite_.to.remote, .listener = kInside}, text);
  EXPECT_THAT(sent.text, HasSubstr("\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;"));
  EXPECT_THAT(sent.text, Not(HasSubstr("slb=")));
}

TEST_F(ResponsePathTest, DropsWhatIsNotForUs) {
  auto response = SipBuilder::answer_to(invite_.text);
  response.push_via("SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bKx");
  expect_drop(response.str(), DropReason::ResponseViaForeign);
}

TEST_F(ResponsePathTest, DropsWhatHasNothingBelowOurVia) {
  expect_drop(SipBuilder::response().via("SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKslbx").str(),
              DropReason::ResponseViaMissing);
}

TEST_F(ResponsePathTest, DropsAndCountsAReplayToAnotherNextVia) {
  std::string text = SipBuilder::answer_to(invite_.text).str();
  const size_t next = text.find("192.0.2.1:5060");
  text.replace(next, 14, "198.51.100.1:9");
  forget_transactions();
  expect_drop(text, DropReason::ResponseSealRefused);
  EXPECT_EQ(counters_.seal_rejected[0][sip::SealFault::BadMac].value(), 1U);
}

TEST_F(ResponsePathTest, SendsToWhoAskedWhateverTheNextViaSays) {
  std::string text = SipBuilder::answer_to(invite_.text).str();
  text.replace(text.find("192.0.2.1:5060"), 14, "198.51.100.1:9");
  EXPECT_EQ(relay({.remote = invite_.to.remote, .listener = kInside}, text).to, from_client());
}

// Without a transaction nothing but the seal says where it goes, so it must not be good for ever.
TEST_F(ResponsePathTest, ASealIsGoodForAsLongAsAnAnswerMayTake) {
  configure_stateless();
  const auto answers_after = [this](int minutes) {
    tick_.minute = static_cast<uint16_t>(kSentAt + minutes);
    return deliver({.remote = invite_.to.remote, .listener = kInside},
                   SipBuilder::answer_to(invite_.text).str())
        .size();
  };
  const transaction::TimerOptions timers;
  const auto life = static_cast<int>(
      std::chrono::floor<std::chrono::minutes>(timers.ringing + timers.invite).count());
  for (const int minutes : {-1, 0, life, life + 1})
    EXPECT_EQ(answers_after(minutes), 1U) << minutes;
  for (const int minutes : {-2, life + 3, 30'000}) EXPECT_EQ(answers_after(minutes), 0U) << minutes;
  EXPECT_EQ(counters_.seal_rejected[0][sip::SealFault::Expired].value(), 3U);
}

TEST_F(ResponsePathTest, OnAWildcardItLeavesFromTheAddressThatTheRequestCameTo) {
  client_.local = address_of("203.0.113.9:0");
  configure_stateless();
  EXPECT_EQ(relay({.remote = invite_.to.remote, .listener = kInside},
                  SipBuilder::answer_to(invite_.text).str())
                .to,
            client_);
}

TEST_F(ResponsePathTest, DropsTheAnswerToWhatWentOutWithATransaction) {
  constexpr std::string_view kNext = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKalice1";
  constexpr std::string_view kBranch = "z9hG4bKslb0123456789abcdef0";
  sip::Via next;
  ASSERT_TRUE(sip::parse_via(kNext, next));
  const auto slb = snapshot_.seal.seal_via({.instance = snapshot_.seal.instance(),
                                            .mode = sip::SealMode::Stateful,
                                            .listener = snapshot_.sides[kPublic].hash},
                                           kBranch, "10.0.1.1:5060", sip::canonical(next));
  auto response = SipBuilder::response();
  response.via(kNext).push_via("SIP/2.0/UDP 10.0.1.1:5060;branch=" + std::string(kBranch) +
                               ";slb=" + std::string(slb));
  expect_drop(response.str(), DropReason::ResponseStray);
}

// What goes on without state, since both hops are streams.
class StreamResponseTest : public ResponsePathTest {
 protected:
  StreamResponseTest() {
    input_ = over_tcp(two_groups(), sip::Transport::Tcp);
    for (RouteOptions& route : input_.routes) route.is_stateless = true;
    configure(input_);
    invite_ = relay(stream_, tcp_request().str());
  }

  test::SnapshotInput input_;
  const transport::Flow stream_ = over_stream(from_client("192.0.2.1:40000"));
};

TEST_F(StreamResponseTest, ReturnsByTheConnectionThatTheRequestCameBy) {
  EXPECT_EQ(contexts_used(), 0U);
  const auto sent = answer(invite_, 200);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].to.connection, stream_.connection);
}

TEST_F(StreamResponseTest, ReturnsToTheListenerOfAClientWhoseConnectionHasEnded) {
  wire_.end(stream_.connection);
  const auto sent = answer(invite_, 200);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].to.remote, address_of("192.0.2.1:5060"));
  EXPECT_TRUE(sent[0].to.connection.is_none());
}

TEST_F(StreamResponseTest, AfterARestartNoNumberOfAConnectionMeansAnything) {
  ++input_.instance;
  configure(input_);
  const auto sent = answer(invite_, 200);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(sent[0].to.connection.is_none());
}

TEST_F(StreamResponseTest, BehindANatOnlyTheConnectionLeadsBack) {
  auto request = tcp_request().via("SIP/2.0/TCP 10.1.1.1:5060;branch=z9hG4bK2");
  invite_ = relay(stream_, request.str());
  wire_.end(stream_.connection);
  EXPECT_TRUE(answer(invite_, 200).empty());
  EXPECT_EQ(counters_.dropped[DropReason::ResponseUnreachable].value(), 1U);
}

TEST_F(StreamResponseTest, WhereAHopChangesItsKindThereIsState) {
  relay(from_client(), SipBuilder::request().call_id("over-udp").str());
  EXPECT_EQ(contexts_used(), 1U);
}

}  // namespace
}  // namespace siplb::proxy
