// Requests inside a dialog, decided by RequestPath (in_dialog.cpp).
#include <gmock/gmock.h>

#include "lane_fixture.h"
#include "proxy/request_path.h"

namespace siplb::proxy {
namespace {

using sip::Method;
using test::SipBuilder;
using testing::HasSubstr;
using testing::StartsWith;

class InDialogTest : public LaneTest {
 protected:
  // A call from a client; returns the server and remembers the token.
  SockAddress set_up() {
    const auto sent = relay(from_client(), SipBuilder::request().str());
    read_token(sent.text);
    return sent.to.remote;
  }
  void read_token(const std::string& text) {
    const size_t begin = text.find("Record-Route: <sip:") + 19;
    token_ = text.substr(begin, text.find('@', begin) - begin);
  }
  [[nodiscard]] static SipBuilder in_dialog(Method method, std::string_view uri = "sip:10.0.0.1") {
    return SipBuilder::request(method, uri)
        .to("<sip:bob@example.com>;tag=b1")
        .cseq("2 " + std::string(sip::method_name(method)));
  }
  [[nodiscard]] SipBuilder by_token(Method method) const {
    auto request = in_dialog(method);
    request.route("<sip:" + token_ + "@10.0.1.1;lr>");
    return request;
  }

  [[nodiscard]] SipBuilder by_token_of_server(Method method) const {
    auto request = by_token(method);
    return request.from("<sip:bob@example.com>;tag=b1").to("<sip:alice@example.com>;tag=a1");
  }

  std::string token_;
};

TEST_F(InDialogTest, TheInitiatorReachesTheServerByTokenFromAnyAddress) {
  const SockAddress server = set_up();
  EXPECT_EQ(relay(from_client("198.51.100.9:9"), by_token(Method::Bye).str()).to.remote, server);
}

TEST_F(InDialogTest, TheOtherEndReachesTheInitiator) {
  const SockAddress server = set_up();
  const auto sent =
      relay({.remote = server, .listener = kInside}, by_token_of_server(Method::Bye).str());
  EXPECT_EQ(sent.to, from_client());
}

// A NAT gave it another port, or it went to another network.
TEST_F(InDialogTest, AClientThatMovesIsFollowedUntilItIsBack) {
  const transport::Flow server{.remote = set_up(), .listener = kInside};
  const auto reached = [&] { return relay(server, by_token_of_server(Method::Info).str()).to; };
  relay(from_client("192.0.2.1:6000"), by_token(Method::Info).str());
  EXPECT_EQ(reached(), from_client("192.0.2.1:6000"));
  // An ACK tells as much as any other request.
  relay(from_client("198.51.100.9:9"), by_token(Method::Ack).str());
  EXPECT_EQ(reached(), from_client("198.51.100.9:9"));
  relay(from_client(), by_token(Method::Info).str());
  EXPECT_EQ(reached(), from_client());
}

TEST_F(InDialogTest, OnlyTheClientsOwnRequestsMoveIt) {
  const transport::Flow server{.remote = set_up(), .listener = kInside};
  // The server's end, from wherever it sends, and a server that speaks in the client's name.
  relay(from_client("198.51.100.9:9"), by_token_of_server(Method::Info).str());
  relay(from_server("10.0.3.1:5060"), by_token(Method::Info).str());
  // Of another call the token is none.
  deliver(from_client("198.51.100.9:9"), by_token(Method::Info).call_id("another").str());
  EXPECT_EQ(relay(server, by_token_of_server(Method::Bye).str()).to, from_client());
}

TEST_F(InDialogTest, ACalledClientThatMovesIsFollowedToo) {
  auto input = two_groups();
  input.listeners[kPublic].address = address_of("203.0.113.1:5060");
  input.routes[0].action = RouteAction::ForwardByUri;
  configure(input);
  const auto server = from_server("10.0.2.1:5060");
  const auto invite =
      relay(server, SipBuilder::request(Method::Invite, "sip:carol@192.0.2.9").str());
  ASSERT_EQ(invite.to, from_client("192.0.2.9:5060"));
  read_token(invite.text);
  relay(from_client("192.0.2.9:7000"), by_token_of_server(Method::Info).str());
  EXPECT_EQ(relay(server, by_token(Method::Bye).str()).to, from_client("192.0.2.9:7000"));
}

TEST_F(InDialogTest, OnAWildcardAClientIsReachedFromTheAddressThatItMet) {
  auto input = two_groups();
  input.listeners[kPublic].address = address_of("0.0.0.0:5060");
  input.listeners[kPublic].advertise = {{.to = {}, .as = "203.0.113.1"}};
  configure(input);
  transport::Flow client = from_client();
  client.local = address_of("203.0.113.9:0");
  const auto invite = relay(client, SipBuilder::request().str());
  read_token(invite.text);
  const transport::Flow server{.remote = invite.to.remote, .listener = kInside};
  EXPECT_EQ(relay(server, by_token_of_server(Method::Info).str()).to, client);
  // It turns to another address of ours: that is a move as well.
  client.local = address_of("203.0.113.8:0");
  relay(client, by_token(Method::Info).str());
  EXPECT_EQ(relay(server, by_token_of_server(Method::Bye).str()).to, client);
}

TEST_F(InDialogTest, WhoseListenerIsGoneIsReachedByTheRequestUriOfAServerOnly) {
  const SockAddress server = set_up();
  auto input = two_groups();
  input.listeners[kPublic].name = "renamed";
  configure(input);
  auto bye = by_token_of_server(Method::Bye);
  bye.start_line("BYE sip:alice@192.0.2.1:6000 SIP/2.0");
  EXPECT_EQ(relay({.remote = server, .listener = kInside}, bye.str()).to,
            from_client("192.0.2.1:6000"));
  EXPECT_THAT(relay(from_client("198.51.100.9:9"), bye.str()).text, StartsWith("SIP/2.0 403 "));
}

TEST_F(InDialogTest, AServerThatHasLeftIsReachedWhereItsTokenSays) {
  const SockAddress server = set_up();
  auto input = two_groups();
  for (auto& each : input.groups[kPbx].servers) {
    each.name += "-new";
    each.address = SockAddress::v4(0x0a000263, each.address.port());
  }
  configure(input);
  auto bye = by_token(Method::Bye);
  EXPECT_EQ(relay(from_client(), bye.str()).to,
            (transport::Flow{.remote = server, .listener = kInside}));
  // Any port of its own is its place; nobody else's is.
  const SockAddress other_port = server.with_port(6000);
  bye.start_line("BYE sip:x@" + std::string(other_port.text()) + " SIP/2.0");
  EXPECT_EQ(relay(from_client(), bye.str()).to.remote, other_port);
  bye.start_line("BYE sip:x@10.0.3.1 SIP/2.0");
  EXPECT_EQ(relay(from_client(), bye.str()).to.remote, server);
}

TEST_F(InDialogTest, AServerThatNoListenerReachesAnyMoreIsGone) {
  set_up();
  auto input = two_groups();
  uint16_t port = 5060;
  for (auto& listener : input.listeners) listener.address = address_of("[::1]:0").with_port(++port);
  for (auto& group : input.groups) {
    for (auto& server : group.servers) {
      server.name += "-new";
      server.address = address_of("[2001:db8::2]:0").with_port(++port);
    }
  }
  configure(input);
  const auto client = from_client("[2001:db8::9]:5060");
  EXPECT_THAT(relay(client, by_token(Method::Bye).str()).text, StartsWith("SIP/2.0 481 "));
  EXPECT_THAT(relay(client, by_token(Method::Info).str()).text, StartsWith("SIP/2.0 500 "));
  EXPECT_TRUE(deliver(client, by_token(Method::Ack).str()).empty());
}

TEST_F(InDialogTest, ARequestUriInsideTheGroupIsFollowedAndAnyOtherIsNot) {
  const SockAddress server = set_up();
  auto bye = by_token(Method::Bye);
  EXPECT_EQ(relay(from_client(), bye.start_line("BYE sip:x@10.0.2.2:5099 SIP/2.0").str()).to.remote,
            address_of("10.0.2.2:5099"));
  for (const std::string_view elsewhere :
       {"sip:x@198.51.100.1", "sip:x@10.0.3.1", "sip:x@10.0.2.1;transport=tcp", "tel:+1"}) {
    bye.start_line("BYE " + std::string(elsewhere) + " SIP/2.0");
    EXPECT_EQ(relay(from_client(), bye.str()).to.remote, server) << elsewhere;
  }
}

// A third Route of ours is not popped; that it is no way back to ourselves keeps one datagram one.
TEST_F(InDialogTest, NothingLeadsBackToUs) {
  auto input = two_groups();
  input.groups[kPbx].servers = {{.name = "here", .address = address_of("10.0.0.1:5070")}};
  configure(input);
  set_up();
  auto bye = by_token(Method::Bye);
  for (int i = 0; i < 5; ++i) bye.route("<sip:" + token_ + "@10.0.0.1;lr>");
  const auto refused = relay(from_client(), bye.str());
  EXPECT_EQ(refused.to.remote, from_client().remote);
  EXPECT_THAT(refused.text, testing::StartsWith("SIP/2.0 403 "));
}

TEST_F(InDialogTest, AnAckFollowsTheRouteThatItsServerPutThere) {
  auto ack = in_dialog(Method::Ack);
  ack.route("<sip:10.0.3.2;lr>");
  EXPECT_EQ(relay(from_server("10.0.2.1:5060"), ack.str()).to.remote, address_of("10.0.3.2:5060"));
}

TEST_F(InDialogTest, TargetRefreshesCarryTheSameToken) {
  set_up();
  EXPECT_THAT(relay(from_client(), by_token(Method::Invite).str()).text,
              HasSubstr("Record-Route: <sip:" + token_ + "@"));
  EXPECT_THAT(relay(from_client(), by_token(Method::Info).str()).text,
              Not(HasSubstr("Record-Route")));
}

TEST_F(InDialogTest, WithoutATokenTheAffinityEntryDecides) {
  const SockAddress server = set_up();
  EXPECT_EQ(relay(from_client(), in_dialog(Method::Bye).str()).to.remote, server);
}

TEST_F(InDialogTest, WithoutATokenARouteToElsewhereIsRefused) {
  set_up();
  auto bye = in_dialog(Method::Bye);
  EXPECT_THAT(relay(from_client(), bye.route("<sip:198.51.100.1;lr>").str()).text,
              StartsWith("SIP/2.0 403 "));
}

TEST_F(InDialogTest, AServerWithoutATokenIsTold481) {
  EXPECT_THAT(relay(from_server("10.0.2.1:5060"), in_dialog(Method::Bye).str()).text,
              StartsWith("SIP/2.0 481 "));
}

TEST_F(InDialogTest, AnAckThatCannotBeRoutedIsDroppedAndNeverAnswered) {
  EXPECT_TRUE(deliver(from_server("10.0.2.1:5060"), in_dialog(Method::Ack).str()).empty());
  EXPECT_EQ(counters_.dropped[DropReason::AckRefused].value(), 1U);
}

// The client has a stream, the servers are asked over UDP.
class StreamDialogTest : public InDialogTest {
 protected:
  StreamDialogTest() {
    configure(over_tcp(two_groups(), sip::Transport::Udp));
    const auto invite = relay(client_, tcp_request().str());
    read_token(invite.text);
    server_ = invite.to;
    answer(invite, 200);
  }
  [[nodiscard]] SipBuilder by_token_over_tcp(Method method) const {
    return by_token(method).via("SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK" +
                                std::string(sip::method_name(method)));
  }
  // Where a request of the server goes.
  test::SentMessage from_callee(std::string_view branch) {
    return relay(server_, by_token_of_server(Method::Info)
                              .via("SIP/2.0/UDP 10.0.2.1;branch=z9hG4bK" + std::string(branch))
                              .str());
  }

  const transport::Flow client_ = over_stream(from_client("192.0.2.1:40000"));
  transport::Flow server_;
};

TEST_F(StreamDialogTest, WhatAStreamBringsHasStateButForAnAck) {
  EXPECT_EQ(relay(client_, by_token_over_tcp(Method::Ack).str()).to.remote, server_.remote);
  EXPECT_EQ(contexts_used(), 0U);
  const auto bye = relay(client_, by_token_over_tcp(Method::Bye).str());
  EXPECT_EQ(bye.to.remote, server_.remote);
  EXPECT_EQ(contexts_used(), 1U);
  // Nobody else repeats what gets lost on the way to the server.
  EXPECT_EQ(wait_until(std::chrono::milliseconds(500)).size(), 1U);
  const auto answered = answer(bye, 200);
  ASSERT_EQ(answered.size(), 1U);
  EXPECT_EQ(answered[0].to, client_);
  EXPECT_EQ(contexts_used(), 0U);
}

TEST_F(StreamDialogTest, ATargetRefreshWithStateCarriesTheSameToken) {
  EXPECT_THAT(relay(client_, by_token_over_tcp(Method::Invite).str()).text,
              HasSubstr("Record-Route: <sip:" + token_ + "@"));
  EXPECT_THAT(relay(client_, by_token_over_tcp(Method::Info).str()).text,
              Not(HasSubstr("Record-Route")));
}

TEST_F(StreamDialogTest, TheServerReachesTheConnectionOfItsClient) {
  EXPECT_EQ(from_callee("1").to, client_);
  EXPECT_EQ(contexts_used(), 1U);
}

TEST_F(StreamDialogTest, AClientThatComesBackByAnotherConnectionIsFollowed) {
  wire_.end(client_.connection);
  EXPECT_THAT(from_callee("1").text, StartsWith("SIP/2.0 480 "));
  const auto next = over_stream(from_client("192.0.2.1:40001"), Opened::ByThem, 2);
  relay(next, by_token_over_tcp(Method::Update).str());
  EXPECT_EQ(from_callee("2").to, next);
  // The newest one ends as well.
  wire_.end(next.connection);
  EXPECT_THAT(from_callee("3").text, StartsWith("SIP/2.0 480 "));
}

TEST_F(StreamDialogTest, WhereTheNewestConnectionHasEndedTheFirstStillServes) {
  const auto second = over_stream(from_client("192.0.2.1:40001"), Opened::ByThem, 2);
  relay(second, by_token_over_tcp(Method::Update).str());
  wire_.end(second.connection);
  EXPECT_EQ(from_callee("1").to, client_);
}

TEST_F(StreamDialogTest, AClientWhoseConnectionEndsWithTheRequestInItsQueueIsUnavailable) {
  const auto refused = unsent(from_callee("1"));
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_THAT(refused[0].text, StartsWith("SIP/2.0 480 "));
}

TEST_F(InDialogTest, APlaceOfAServerIsReachedByItsTransportUnlessTheUriSaysOtherwise) {
  configure(over_tcp(two_groups(), sip::Transport::Tcp));
  const SockAddress server = set_up();
  auto bye = by_token(Method::Bye);
  const auto to = [&](std::string_view params, std::string_view branch) {
    const SockAddress place = server.with_port(5099);
    bye.start_line("BYE sip:x@" + std::string(place.text()) + std::string(params) + " SIP/2.0");
    bye.via("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK" + std::string(branch));
    const auto sent = relay(from_client(), bye.str());
    EXPECT_EQ(sent.to.remote, place);
    return sent.to.transport;
  };
  EXPECT_EQ(to("", "1"), sip::Transport::Tcp);
  EXPECT_EQ(to(";transport=udp", "2"), sip::Transport::Udp);
}

}  // namespace
}  // namespace siplb::proxy
