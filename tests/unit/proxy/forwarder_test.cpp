#include "proxy/forwarder.h"

#include <gmock/gmock.h>

#include "lane_fixture.h"
#include "proxy/upstream_via.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class ForwarderTest : public LaneTest {
 protected:
  std::string forward(const SipBuilder& builder, const Outgoing& outgoing) {
    const sip::Message& message = scanned(builder.str());
    CounterArray<sip::SealFault> rejected;
    const Request request = read_request(
        snapshot_, {message, source_, kTick, snapshot_.seal.branch_hash(message)}, rejected);
    EXPECT_EQ(forwarder_.forward(request, outgoing), Sent::Yes);
    return wire_.take().front().text;
  }
  static Outgoing to(std::string_view address, transport::ListenerIndex listener) {
    return {.to = {.remote = address_of(address), .listener = listener}};
  }
  static Outgoing to_stream(std::string_view address, transport::ListenerIndex listener) {
    Outgoing outgoing = to(address, listener);
    outgoing.to.transport = sip::Transport::Tcp;
    return outgoing;
  }

  transport::Flow source_ = from_client();
  Forwarder forwarder_{7, around_->outlook, wire_};
};

TEST_F(ForwarderTest, PutsItsViaOnTopWithTheLaneAsAHint) {
  EXPECT_THAT(forward(SipBuilder::request(), to("10.0.2.1:5060", kInside)),
              StartsWith("INVITE sip:bob@example.com SIP/2.0\r\n"
                         "Via: SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKslb"));
  EXPECT_THAT(forward(SipBuilder::request(), to("10.0.2.1:5060", kInside)),
              HasSubstr(";slb=QQQQQQQ07"));
}

TEST_F(ForwarderTest, WritesTwoRecordRoutesWhereTheSidesDifferAndOneWhereNot) {
  Outgoing outgoing = to("10.0.2.1:5060", kInside);
  outgoing.record_route_token = "token";
  EXPECT_THAT(forward(SipBuilder::request(), outgoing),
              HasSubstr("Record-Route: <sip:token@10.0.1.1:5060;lr>\r\n"
                        "Record-Route: <sip:10.0.0.1:5060;lr>\r\n"));
  outgoing.to.listener = kPublic;
  const std::string one = forward(SipBuilder::request(), outgoing);
  EXPECT_THAT(one, HasSubstr("Record-Route: <sip:token@10.0.0.1:5060;lr>\r\nVia:"));
}

TEST_F(ForwarderTest, AddsMaxForwardsOnlyWhereThereIsNone) {
  const auto count = [](const std::string& text) {
    return testing::Matches(HasSubstr("Max-Forwards: 70\r\n"))(text);
  };
  EXPECT_TRUE(
      count(forward(SipBuilder::request().remove("Max-Forwards"), to("10.0.2.1:5060", kInside))));
  EXPECT_FALSE(
      count(forward(SipBuilder::request().max_forwards("12"), to("10.0.2.1:5060", kInside))));
}

TEST_F(ForwarderTest, HasRoomForTheLongestNamesAndToken) {
  auto input = two_groups();
  input.listeners[kPublic].advertise = {{.to = {}, .as = std::string(255, 'a') + ":65535"}};
  input.listeners[kPublic].headers.source = "X-" + std::string(62, 's');
  input.listeners[kInside].advertise = {{.to = {}, .as = std::string(255, 'b') + ":65535"}};
  snapshot_ = test::make_snapshot(input);
  const std::string token(sip::kTokenLengthMax, 't');
  Outgoing outgoing = to("10.0.2.1:5060", kInside);
  outgoing.record_route_token = token;
  outgoing.path_token = token;
  source_.local = address_of("[2001:db8:1111:2222:3333:4444:5555:6666]:0");
  EXPECT_THAT(forward(SipBuilder::request().remove("Max-Forwards"), outgoing),
              HasSubstr("Path: <sip:" + token));
}

TEST_F(ForwarderTest, CallsItselfByWhatEachSideKnowsItBy) {
  auto input = two_groups();
  input.listeners[kPublic].advertise = {{{*Network::parse("10.0.0.0/8")}, "10.0.0.1"},
                                        {{}, "203.0.113.1"}};
  snapshot_ = test::make_snapshot(input);
  Outgoing outgoing = to("10.0.2.1:5060", kPublic);
  outgoing.record_route_token = "token";
  // By one listener, but under two names.
  EXPECT_THAT(forward(SipBuilder::request(), outgoing),
              HasSubstr("Record-Route: <sip:token@10.0.0.1;lr>\r\n"
                        "Record-Route: <sip:203.0.113.1;lr>\r\n"));
  source_ = from_client("10.0.9.9:5060");
  const std::string one = forward(SipBuilder::request(), outgoing);
  EXPECT_THAT(one, HasSubstr("Record-Route: <sip:token@10.0.0.1;lr>\r\nVia:"));
  EXPECT_THAT(one, HasSubstr("Via: SIP/2.0/UDP 10.0.0.1;branch="));
}

TEST_F(ForwarderTest, AddsAPathOfTheRegistrarsSideThatIsOutboundAtTheFirstHopOnly) {
  Outgoing outgoing = to("10.0.2.1:5060", kInside);
  outgoing.path_token = "token";
  auto request = SipBuilder::request(sip::Method::Register);
  EXPECT_THAT(forward(request, outgoing),
              HasSubstr("\r\nPath: <sip:token@10.0.1.1:5060;lr;ob>\r\n"));
  request.push_via("SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKedge");
  EXPECT_THAT(forward(request, outgoing), HasSubstr("\r\nPath: <sip:token@10.0.1.1:5060;lr>\r\n"));
}

TEST_F(ForwarderTest, TellsServersWhereAClientsRequestCameFrom) {
  auto input = two_groups();
  for (auto& listener : input.listeners) listener.headers.source = "X-Source";
  snapshot_ = test::make_snapshot(input);
  EXPECT_THAT(forward(SipBuilder::request(), to("10.0.2.1:5060", kInside)),
              HasSubstr("\r\nX-Source: 192.0.2.1:5060\r\n"));
  source_ = from_server("10.0.2.2:5060");
  EXPECT_THAT(forward(SipBuilder::request(), to("10.0.2.1:5060", kInside)),
              Not(HasSubstr("X-Source")));
}

TEST_F(ForwarderTest, SealsTheAddressOfAWildcardIntoItsVia) {
  source_.local = address_of("203.0.113.9:0");
  const std::string text = forward(SipBuilder::request(), to("10.0.2.1:5060", kInside));
  sip::Via next;
  ASSERT_TRUE(read_next_via(scanned(text), next));
  sip::ViaSeal seal;
  ASSERT_EQ(snapshot_.seal.open_via(scratch_.via, sip::canonical(next), seal),
            sip::SealFault::None);
  EXPECT_EQ(seal.local, source_.local);
}

// 16.6, step 6: a strict router finds its own URI in the Request-URI, and takes it out.
TEST_F(ForwarderTest, GivesAStrictRouterItsUriAndPutsTheRequestUriLast) {
  source_ = from_server("10.0.2.2:5060");
  const auto with = [](std::string_view routes) {
    return SipBuilder::request().route(routes).route("<sip:last;lr>");
  };
  const std::string among = forward(with("<sip:10.0.0.1;lr>, <sip:10.0.2.1;x=y>, <sip:next;lr>"),
                                    to("10.0.2.1:5060", kInside));
  EXPECT_THAT(among, StartsWith("INVITE sip:10.0.2.1;x=y SIP/2.0\r\n"));
  EXPECT_THAT(among, HasSubstr("\r\nRoute: <sip:next;lr>\r\nRoute: <sip:last;lr>\r\n"
                               "Route: <sip:bob@example.com>\r\n"));
  const std::string alone =
      forward(SipBuilder::request().route("<sip:10.0.2.1>"), to("10.0.2.1:5060", kInside));
  EXPECT_THAT(alone, StartsWith("INVITE sip:10.0.2.1 SIP/2.0\r\n"));
  EXPECT_THAT(alone, HasSubstr("\r\nRoute: <sip:bob@example.com>\r\n"));
  EXPECT_THAT(alone, Not(HasSubstr("Route: <sip:10.0.2.1>")));
}

TEST_F(ForwarderTest, SaysWhereItIsReachedByAStream) {
  Outgoing outgoing = to_stream("10.0.2.1:5060", kInside);
  outgoing.record_route_token = "token";
  outgoing.path_token = "path";
  const std::string text = forward(SipBuilder::request(), outgoing);
  EXPECT_THAT(text, HasSubstr("\r\nVia: SIP/2.0/TCP 10.0.1.1:5060;branch="));
  EXPECT_THAT(text, HasSubstr("Record-Route: <sip:token@10.0.1.1:5060;transport=tcp;lr>\r\n"
                              "Record-Route: <sip:10.0.0.1:5060;lr>\r\n"));
  EXPECT_THAT(text, HasSubstr("Path: <sip:path@10.0.1.1:5060;transport=tcp;lr;ob>\r\n"));
}

TEST_F(ForwarderTest, WritesTwoRecordRoutesWhereOnlyTheTransportDiffers) {
  Outgoing outgoing = to_stream("10.0.2.1:5060", kPublic);
  outgoing.record_route_token = "token";
  EXPECT_THAT(forward(SipBuilder::request(), outgoing),
              HasSubstr("Record-Route: <sip:token@10.0.0.1:5060;transport=tcp;lr>\r\n"
                        "Record-Route: <sip:10.0.0.1:5060;lr>\r\n"));
  source_ = over_stream(source_);
  EXPECT_THAT(forward(SipBuilder::request(), outgoing),
              HasSubstr("Record-Route: <sip:token@10.0.0.1:5060;transport=tcp;lr>\r\nVia:"));
}

TEST_F(ForwarderTest, AddsTheLengthThatAStreamNeeds) {
  auto request = SipBuilder::request().body("v=0\r\n");
  EXPECT_THAT(forward(request, to_stream("10.0.2.1:5060", kInside)),
              Not(HasSubstr("Content-Length: 5\r\nContent-Length")));
  request.remove("Content-Length");
  EXPECT_THAT(forward(request, to("10.0.2.1:5060", kInside)), Not(HasSubstr("Content-Length")));
  EXPECT_THAT(forward(request, to_stream("10.0.2.1:5060", kInside)),
              HasSubstr("\r\nContent-Length: 5\r\n"));
}

TEST_F(ForwarderTest, AddsTheLengthToAResponseToo) {
  auto response = SipBuilder::response();
  response.push_via("SIP/2.0/UDP 10.0.1.1:5060;branch=z9hG4bKslb").remove("Content-Length");
  forwarder_.forward_response(scanned(response.str()), over_stream(from_client()));
  EXPECT_THAT(wire_.take().front().text,
              StartsWith("SIP/2.0 200 OK\r\nContent-Length: 0\r\nVia: SIP/2.0/UDP 192.0.2.1"));
}

TEST_F(ForwarderTest, SealsTheConnectionIntoItsVia) {
  source_ = over_stream(source_);
  auto request = SipBuilder::request().via("SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK1");
  const std::string text = forward(request, to("10.0.2.1:5060", kInside));
  sip::Via next;
  ASSERT_TRUE(read_next_via(scanned(text), next));
  sip::ViaSeal seal;
  ASSERT_EQ(snapshot_.seal.open_via(scratch_.via, sip::canonical(next), seal),
            sip::SealFault::None);
  EXPECT_EQ(seal.connection, source_.connection.number());
}

TEST_F(ForwarderTest, KnowsTheLengthBefore) {
  Outgoing outgoing = to("10.0.2.1:5060", kInside);
  outgoing.record_route_token = "token";
  const std::string text = forward(SipBuilder::request(), outgoing);
  const sip::Message& message = scanned(SipBuilder::request().str());
  CounterArray<sip::SealFault> rejected;
  const Request request = read_request(
      snapshot_, {message, source_, kTick, snapshot_.seal.branch_hash(message)}, rejected);
  EXPECT_EQ(forwarder_.length(request, outgoing), text.size());
  EXPECT_TRUE(wire_.take().empty());
}

// The budgets of the design, at the longest addresses.
TEST_F(ForwarderTest, AddsNoMoreOctetsOverStreamsThanTheDesignAllows) {
  struct Case {
    std::string_view description;
    std::string_view bound;
    std::string_view client;
    std::string_view server;
    sip::Transport from;
    size_t octets_max;
  };
  using sip::Transport;
  const std::string_view six = "[2001:db80:1000:1000:1000:1000:1000:1001]:50600";
  const std::string_view six_client = "[2001:db80:2000:2000:2000:2000:2000:2001]:50600";
  const std::string_view six_server = "[2001:db80:3000:3000:3000:3000:3000:3001]:50600";
  const Case cases[] = {
      {"IPv4, one", "203.100.100.101:50600", "203.200.200.210:50600", "203.100.100.111:50600",
       Transport::Tcp, 310},
      {"IPv4, two", "203.100.100.101:50600", "203.200.200.210:50600", "203.100.100.111:50600",
       Transport::Udp, 375},
      {"IPv6, one", six, six_client, six_server, Transport::Tcp, 430},
      {"IPv6, two", six, six_client, six_server, Transport::Udp, 515},
  };
  for (const Case& test : cases) {
    auto input = over_tcp(two_groups(), Transport::Tcp);
    input.listeners[kPublic].address = address_of(test.bound);
    input.listeners[kPublic].role = transport::ListenerRole::Both;
    input.listeners[kInside].address = address_of("[::1]:1");
    uint16_t port = 50600;
    for (auto& group : input.groups) {
      for (auto& server : group.servers) server.address = address_of(test.server).with_port(port++);
    }
    configure(input);
    const transport::Flow plain = from_client(test.client);
    const auto source = test.from == Transport::Tcp ? over_stream(plain, Opened::ByThem) : plain;
    const std::string via = "SIP/2.0/" + std::string(sip::transport_name(test.from)) +
                            " phone.example.net;branch=z9hG4bK1;rport";
    const std::string text =
        SipBuilder::request().via(via).remove("Max-Forwards").call_id("c").str();
    const std::string sent = relay(source, text).text;
    EXPECT_THAT(sent, HasSubstr("Record-Route: ")) << test.description;
    EXPECT_LE(sent.size() - text.size(), test.octets_max) << test.description;
  }
}

}  // namespace
}  // namespace siplb::proxy
