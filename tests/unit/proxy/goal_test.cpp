// Where a request goes that says so itself, by RequestPath (goal.cpp).
#include <gmock/gmock.h>

#include "lane_fixture.h"
#include "proxy/request_path.h"

namespace siplb::proxy {
namespace {

using sip::Method;
using test::SipBuilder;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

// Servers of pbx send by Request-URI, from a side that is in the internet.
class GoalTest : public LaneTest {
 protected:
  GoalTest() {
    input_.listeners[kPublic].address = address_of("203.0.113.1:5060");
    input_.routes[0].action = RouteAction::ForwardByUri;
    configure(input_);
  }
  test::SentMessage call(std::string_view uri, Method method = Method::Invite) {
    return relay(pbx_, SipBuilder::request(method, uri).str());
  }
  // A Path of a client at `flow`, as its registrar writes it into a Route.
  std::string route_by_path(const transport::Flow& flow, std::string_view listener = "public") {
    const sip::Token path{.kind = sip::TokenKind::Path,
                          .initiator = {.listener = sip::listener_hash(listener),
                                        .transport = flow.transport,
                                        .address = flow.remote,
                                        .local = flow.local,
                                        .instance = snapshot_.seal.instance(),
                                        .connection = flow.connection.number()},
                          .responder = {.is_server = true, .address = pbx_.remote},
                          .issue_day = kTick.today};
    return "<sip:" + std::string(snapshot_.seal.seal_token(path, "its registration").view()) +
           "@10.0.1.1;lr;ob>";
  }

  test::SnapshotInput input_ = two_groups();
  const transport::Flow pbx_ = from_server("10.0.2.1:5060");
};

TEST_F(GoalTest, ARequestUriLeadsToAClientFromTheSideOfClients) {
  const auto sent = call("sip:alice@198.51.100.7:5070");
  EXPECT_EQ(sent.to, from_client("198.51.100.7:5070"));
  EXPECT_THAT(sent.text, StartsWith("INVITE sip:alice@198.51.100.7:5070 SIP/2.0\r\n"));
  EXPECT_EQ(counters_.elsewhere.requests.value(), 1U);

  const auto answered =
      deliver(sent.to, SipBuilder::answer_to(sent.text, 200).contact("<sip:alice@a>").str());
  ASSERT_THAT(answered, SizeIs(1));
  EXPECT_EQ(answered[0].to, from_server("10.0.2.1:5060"));
  EXPECT_EQ(counters_.elsewhere.responses[1].value(), 1U);
}

TEST_F(GoalTest, ARequestUriLeadsToAServersPlaceFromTheSideOfServers) {
  const auto sent = call("sip:bob@10.0.3.2:5090");
  EXPECT_EQ(sent.to, from_server("10.0.3.2:5090"));
  EXPECT_EQ(counters_.servers[3].requests.value(), 1U);
}

TEST_F(GoalTest, OurOwnUriIsNobody) {
  EXPECT_THAT(call("sip:bob@203.0.113.1").text, StartsWith("SIP/2.0 404 "));
  EXPECT_THAT(call("sip:bob@10.0.1.1:5060").text, StartsWith("SIP/2.0 404 "));
}

TEST_F(GoalTest, WhatIsNoAddressThatWeReachIsUnavailable) {
  for (const std::string_view uri :
       {"tel:+12015550123", "sips:bob@198.51.100.7", "sip:bob@198.51.100.7;transport=tcp",
        "sip:bob@[2001:db8::7]"}) {
    EXPECT_THAT(call(uri).text, StartsWith("SIP/2.0 480 ")) << uri;
  }
}

TEST_F(GoalTest, APrivateAddressIsAnothersWhereOurSideIsPublic) {
  for (const std::string_view host :
       {"10.77.0.1", "192.168.1.2", "100.64.0.1", "169.254.0.1", "127.0.0.1"}) {
    EXPECT_THAT(call("sip:bob@" + std::string(host)).text, StartsWith("SIP/2.0 480 ")) << host;
  }
}

TEST_F(GoalTest, APrivateAddressIsWithinReachOfAPrivateSide) {
  input_.listeners[kPublic].address = address_of("192.168.0.1:5060");
  configure(input_);
  EXPECT_EQ(call("sip:bob@192.168.1.2").to, from_client("192.168.1.2:5060"));
  // What its network knows us by counts, not what we are bound to.
  input_.listeners[kPublic].advertise = {{{}, "203.0.113.1"}};
  configure(input_);
  EXPECT_THAT(call("sip:bob@192.168.1.2").text, StartsWith("SIP/2.0 480 "));
  input_.listeners[kPublic].advertise = {{{*Network::parse("192.168.0.0/16")}, "192.168.0.1"},
                                         {{}, "203.0.113.1"}};
  configure(input_);
  EXPECT_EQ(call("sip:bob@192.168.1.2").to, from_client("192.168.1.2:5060"));
}

TEST_F(GoalTest, APathLeadsToItsFlowWhateverTheRequestUriSays) {
  const transport::Flow client = from_client("198.51.100.7:4444");
  const auto sent = relay(pbx_, SipBuilder::request(Method::Invite, "sip:alice@10.77.0.1")
                                    .route(route_by_path(client))
                                    .str());
  EXPECT_EQ(sent.to, client);
  EXPECT_THAT(sent.text, Not(HasSubstr("\r\nRoute:")));
  EXPECT_THAT(sent.text, HasSubstr("\r\nRecord-Route: "));
}

TEST_F(GoalTest, APathWhoseListenerIsGoneIsAFlowThatFailed) {
  const auto sent =
      relay(pbx_, SipBuilder::request().route(route_by_path(from_client(), "renamed since")).str());
  EXPECT_THAT(sent.text, StartsWith("SIP/2.0 430 "));
}

TEST_F(GoalTest, APathFromAClientIsNotObeyed) {
  const auto sent =
      relay(from_client(),
            SipBuilder::request().route(route_by_path(from_client("198.51.100.7:4444"))).str());
  EXPECT_EQ(sent.to.listener, kInside);  // as without it
  EXPECT_THAT(sent.text, Not(HasSubstr("\r\nRoute:")));
}

TEST_F(GoalTest, ACancelAndAnAckFollowTheSamePath) {
  const transport::Flow client = from_client("198.51.100.7:4444");
  for (const Method method : {Method::Cancel, Method::Ack}) {
    EXPECT_EQ(relay(pbx_, SipBuilder::request(method).route(route_by_path(client)).str()).to,
              client);
  }
}

TEST_F(GoalTest, ARouteLeadsToTheTargetsOfAGroup) {
  input_.groups[kVoicemail].targets = {*Network::parse("10.9.0.0/16")};
  configure(input_);
  const auto call_by = [this](std::string_view route) {
    return relay(pbx_, SipBuilder::request().call_id(std::string(route)).route(route).str());
  };
  EXPECT_EQ(call_by("<sip:10.9.1.1:5070;lr>").to, from_server("10.9.1.1:5070"));
  EXPECT_THAT(call_by("<sip:10.10.1.1;lr>").text, StartsWith("SIP/2.0 403 "));
}

TEST_F(GoalTest, OnAWildcardAFlowLeavesFromTheAddressThatItWasMadeAt) {
  input_.listeners[kPublic].address = address_of("0.0.0.0:5060");
  input_.listeners[kPublic].advertise = {{{}, "203.0.113.1"}};
  configure(input_);
  transport::Flow client = from_client("198.51.100.7:4444");
  client.local = address_of("203.0.113.9:0");
  EXPECT_EQ(relay(pbx_, SipBuilder::request().route(route_by_path(client)).str()).to, client);
  // Bound to one address since: there is nothing to choose.
  input_.listeners[kPublic].address = address_of("203.0.113.1:5060");
  configure(input_);
  EXPECT_EQ(relay(pbx_, SipBuilder::request().route(route_by_path(client)).str()).to,
            from_client("198.51.100.7:4444"));
}

// What is repeated on behalf of a server still is the server's.
TEST_F(GoalTest, ARepeatByAnotherPortDoesNotMakeAServerAClient) {
  const auto sent = call("sip:alice@198.51.100.7");
  for (const auto& flow : {from_server("10.0.2.1:9999"), from_client("10.0.2.1:5060")}) {
    deliver(flow, SipBuilder::request(Method::Invite, "sip:alice@198.51.100.7").str());
  }
  const auto repeats = wait_until(std::chrono::milliseconds(600));
  ASSERT_THAT(repeats, Not(IsEmpty()));
  for (const auto& repeat : repeats) {
    if (repeat.to != sent.to) continue;
    EXPECT_EQ(repeat.text, sent.text);
  }
}

// The callee knows all that makes up the transaction; from it the same is no repeat.
TEST_F(GoalTest, NobodyButAServerRepeatsWhatWentToAClient) {
  const std::string invite = SipBuilder::request(Method::Invite, "sip:alice@198.51.100.7").str();
  const std::string message = SipBuilder::request(Method::Message, "sip:alice@198.51.100.7").str();
  take_all_slots();  // so that repeats go through
  for (const std::string& text : {invite, message}) {
    const auto sent = relay(pbx_, text);
    EXPECT_THAT(deliver(from_client("198.51.100.7:5060"), text), IsEmpty());
    EXPECT_EQ(relay(pbx_, text).to, sent.to);
    // And when it is over.
    deliver(from_client("198.51.100.7:5060"), SipBuilder::answer_to(sent.text, 200).str());
    EXPECT_THAT(deliver(from_client("198.51.100.7:5060"), text), IsEmpty());
  }
  EXPECT_EQ(relay(pbx_, message).to, from_client("198.51.100.7:5060"));
}

TEST_F(GoalTest, APathOverAStreamLeadsToItsConnectionForAsLongAsItLives) {
  input_ = over_tcp(input_, sip::Transport::Udp);
  configure(input_);
  const transport::Flow client = over_stream(from_client("198.51.100.7:4444"));
  const std::string route = route_by_path(client);
  const auto sent = relay(pbx_, SipBuilder::request().route(route).str());
  EXPECT_EQ(sent.to, client);
  EXPECT_THAT(sent.text, HasSubstr("\r\nVia: SIP/2.0/TCP 203.0.113.1:5060;"));
  // It ends with the request in its queue.
  const auto failed = unsent(sent);
  ASSERT_THAT(failed, SizeIs(1));
  EXPECT_THAT(failed[0].text, StartsWith("SIP/2.0 430 "));

  wire_.end(client.connection);
  EXPECT_THAT(relay(pbx_, SipBuilder::request().call_id("2").route(route).str()).text,
              StartsWith("SIP/2.0 430 "));
}

TEST_F(GoalTest, AConnectionOfAnEarlierProcessIsGone) {
  input_ = over_tcp(input_, sip::Transport::Udp);
  configure(input_);
  const std::string route = route_by_path(over_stream(from_client("198.51.100.7:4444")));
  ++input_.instance;
  configure(input_);
  EXPECT_THAT(relay(pbx_, SipBuilder::request().route(route).str()).text,
              StartsWith("SIP/2.0 430 "));
}

TEST_F(GoalTest, ARequestUriLeadsOverTcpWhereItSaysSo) {
  configure(over_tcp(input_, sip::Transport::Udp));
  transport::Flow to = from_client("198.51.100.7:5060");
  to.transport = sip::Transport::Tcp;
  EXPECT_EQ(call("sip:bob@198.51.100.7;transport=tcp").to, to);
}

TEST_F(GoalTest, AServersPlaceIsReachedAsTheServerIsUnlessTheUriSaysOtherwise) {
  configure(over_tcp(input_, sip::Transport::Tcp));
  EXPECT_EQ(call("sip:bob@10.0.3.2:5090").to.transport, sip::Transport::Tcp);
  EXPECT_EQ(call("sip:bob@10.0.3.1:5090;transport=udp").to.transport, sip::Transport::Udp);
}

class NamedGoalTest : public GoalTest {
 protected:
  // Where the n-th call by that name goes.
  SockAddress led_to(std::string_view name, size_t call) {
    return relay(pbx_, SipBuilder::request(Method::Message, "sip:bob@" + std::string(name))
                           .call_id("call-" + std::to_string(call))
                           .via("SIP/2.0/UDP 10.0.2.1;branch=z9hG4bK" + std::to_string(call))
                           .str())
        .to.remote;
  }
  static NamedPlace place(std::string_view address, uint8_t rank, uint16_t share) {
    return {.address = address_of(address), .transport = {}, .rank = rank, .share = share};
  }
};

TEST_F(NamedGoalTest, ANameInTheBookIsAsGoodAsItsAddress) {
  publish("phone.example", leading_to("198.51.100.7:5070"));
  const auto sent = call("sip:bob@PHONE.example");
  EXPECT_EQ(sent.to, from_client("198.51.100.7:5070"));
  EXPECT_THAT(sent.text, StartsWith("INVITE sip:bob@PHONE.example SIP/2.0\r\n"));
  EXPECT_THAT(around_->names.asked, IsEmpty());
}

TEST_F(NamedGoalTest, SharesRequestsAmongThePlacesOfTheBestRank) {
  publish("phone.example",
          {.places = {place("198.51.100.1:5060", 0, 3), place("198.51.100.2:5060", 0, 1),
                      place("198.51.100.3:5060", 1, 9)},
           .ask_at = Instant::max()});
  constexpr size_t kCalls = 60;
  size_t first = 0;
  for (size_t n = 0; n < kCalls; ++n) {
    const SockAddress to = led_to("phone.example", n);
    EXPECT_NE(to, address_of("198.51.100.3:5060"));
    first += to == address_of("198.51.100.1:5060") ? 1 : 0;
  }
  EXPECT_GT(first, kCalls / 2);
  EXPECT_LT(first, kCalls);
}

TEST_F(NamedGoalTest, ARankThatNobodyReachesIsPassedOver) {
  publish("phone.example",
          {.places = {place("[2001:db8::1]:5060", 0, 1), place("203.0.113.1:5060", 1, 1),  // ours
                      place("198.51.100.3:5060", 2, 1)},
           .ask_at = Instant::max()});
  EXPECT_EQ(led_to("phone.example", 1), address_of("198.51.100.3:5060"));
}

TEST_F(NamedGoalTest, GoesByATransportThatTheBookSays) {
  input_ = over_tcp(input_, sip::Transport::Udp);
  configure(input_);
  NameEntry entry = leading_to("198.51.100.7:5060");
  entry.places[0].transport = sip::Transport::Tcp;
  publish("phone.example", entry);
  EXPECT_EQ(call("sip:bob@phone.example").to.transport, sip::Transport::Tcp);
}

TEST_F(NamedGoalTest, WhatIsGoneByForLongIsAskedForAgain) {
  NameEntry entry = leading_to("198.51.100.7:5060");
  entry.ask_at = kTick.now + std::chrono::seconds(1);
  publish("phone.example", entry);
  led_to("phone.example", 1);
  EXPECT_THAT(around_->names.asked, IsEmpty());
  tick_.now = entry.ask_at;
  led_to("phone.example", 2);
  EXPECT_THAT(around_->names.asked, testing::ElementsAre(name_of("phone.example")));
  // That it can't be asked harms nobody who knows it.
  around_->names.status = AskStatus::TooMany;
  EXPECT_EQ(led_to("phone.example", 3), address_of("198.51.100.7:5060"));
}

TEST_F(NamedGoalTest, ARequestWhoseNameCantBeAskedForIsUnavailable) {
  for (const auto& [status, reason] : {std::pair(AskStatus::TooMany, NameRefusal::Rate),
                                       std::pair(AskStatus::Full, NameRefusal::MailboxFull)}) {
    around_->names.status = status;
    EXPECT_THAT(call("sip:bob@phone.example").text, StartsWith("SIP/2.0 480 "));
    EXPECT_EQ(counters_.names_refused[reason].value(), 1U);
    EXPECT_EQ(contexts_used(), 0U);
  }
}

TEST_F(NamedGoalTest, ARequestThatCantBeHeldDoesNotWait) {
  take_all_slots();
  const uint64_t before = slots_used();
  EXPECT_THAT(call("sip:bob@phone.example").text, StartsWith("SIP/2.0 480 "));
  EXPECT_EQ(counters_.names_refused[NameRefusal::NoRoom].value(), 1U);
  EXPECT_THAT(around_->names.asked, IsEmpty());
  EXPECT_EQ(slots_used(), before);
  EXPECT_EQ(contexts_used(), 0U);
}

TEST_F(NamedGoalTest, WhatWaitsGoesOnWhenItsNameIsKnown) {
  EXPECT_THAT(deliver(pbx_, SipBuilder::request(Method::Invite, "sip:bob@phone.example").str()),
              IsEmpty());
  EXPECT_EQ(counters_.names_awaited.value(), 1U);
  EXPECT_THAT(publish("other.example", leading_to("198.51.100.9:5060")), IsEmpty());
  const auto sent = publish("phone.example", leading_to("198.51.100.7:5070"));
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].to, from_client("198.51.100.7:5070"));
  EXPECT_EQ(counters_.names_awaited.value(), 0U);
  // From here on it is a request like any other.
  const auto ringing = answer(sent[0], 180);
  ASSERT_THAT(ringing, SizeIs(1));
  EXPECT_THAT(ringing[0].text, StartsWith("SIP/2.0 180 "));
}

TEST_F(NamedGoalTest, WhatCantBeSentWhenItsNameIsKnownIsAnsweredSo) {
  input_ = over_tcp(input_, sip::Transport::Udp);
  configure(input_);
  deliver(pbx_, SipBuilder::request(Method::Message, "sip:bob@phone.example;transport=tcp").str());
  wire_.refuse(address_of("198.51.100.7:5060"));
  NameEntry entry = leading_to("198.51.100.7:5060");
  entry.places[0].transport = sip::Transport::Tcp;
  const auto answered = publish("phone.example;transport=tcp", entry);
  ASSERT_THAT(answered, SizeIs(1));
  EXPECT_THAT(answered[0].text, StartsWith("SIP/2.0 500 "));
  EXPECT_EQ(contexts_used(), 0U);
}

TEST_F(NamedGoalTest, AClientNeverMakesUsAsk) {
  const auto refused = relay(from_client("10.0.2.1:5060"),
                             SipBuilder::request().route("<sip:phone.example;lr>").str());
  EXPECT_THAT(refused.text, StartsWith("SIP/2.0 403 "));
  EXPECT_THAT(around_->names.asked, IsEmpty());
}

}  // namespace
}  // namespace siplb::proxy
