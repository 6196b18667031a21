#include "proxy/client_return.h"

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;

class ClientReturnTest : public LaneTest {
 protected:
  ClientReturnTest() { configure(over_tcp(two_groups(), sip::Transport::Udp)); }
  static sip::Via via_of(std::string_view text) {
    sip::Via via;
    EXPECT_TRUE(sip::parse_via(text, via)) << text;
    return via;
  }
  static uint16_t port_for(std::string_view via, const transport::Flow& source) {
    return answer_port(via_of(via), source);
  }
  // From a heap block of exactly its size.
  static std::optional<transport::Flow> listener_of(std::string_view response,
                                                    const transport::Flow& dead) {
    const std::vector<char> octets(response.begin(), response.end());
    return flow_to_listener_of({octets.data(), octets.size()}, dead);
  }
  static std::string response_with(std::string_view via) {
    return SipBuilder::response().via(via).str();
  }

  const transport::Flow client_ = over_stream(from_client("192.0.2.1:40000"));
};

TEST_F(ClientReturnTest, OverUdpThePortIsTheSourcesWhereRportAsksForIt) {
  const auto source = from_client("192.0.2.1:4444");
  EXPECT_EQ(port_for("SIP/2.0/UDP 10.1.1.1:5070;branch=z9hG4bK1;rport", source), 4444);
  EXPECT_EQ(port_for("SIP/2.0/UDP 10.1.1.1:5070;branch=z9hG4bK1", source), 5070);
}

TEST_F(ClientReturnTest, OverAStreamThePortIsThatOfAListenerAtItsOwnAddress) {
  EXPECT_EQ(port_for("SIP/2.0/TCP 192.0.2.1:5070;branch=z9hG4bK1;rport", client_), 5070);
  EXPECT_EQ(port_for("SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1", client_), 5060);
  EXPECT_EQ(port_for("SIP/2.0/TCP 10.1.1.1:5070;branch=z9hG4bK1", client_), 0);  // behind a NAT
  EXPECT_EQ(port_for("SIP/2.0/TCP phone.example;branch=z9hG4bK1", client_), 0);
  EXPECT_EQ(port_for("SIP/2.0/TCP 192.0.2.1:40000;branch=z9hG4bK1", client_), 0);  // its other end
}

TEST_F(ClientReturnTest, AnswersGoByTheConnectionForAsLongAsItLives) {
  EXPECT_EQ(answer_flow(wire_, client_, 5070), client_);
  wire_.end(client_.connection);
  const transport::Flow listener{.remote = address_of("192.0.2.1:5070"),
                                 .listener = kPublic,
                                 .transport = sip::Transport::Tcp};
  EXPECT_EQ(answer_flow(wire_, client_, 5070), listener);
  EXPECT_FALSE(answer_flow(wire_, client_, 0).has_value());
  EXPECT_EQ(answer_flow(wire_, from_client("192.0.2.1:4444"), 5070), from_client("192.0.2.1:5070"));
}

TEST_F(ClientReturnTest, ASealNamesTheConnectionOfThisProcessOnly) {
  const sip::Via below =
      via_of("SIP/2.0/TCP phone.example;branch=z9hG4bK1;received=192.0.2.1;rport=40000");
  sip::ViaSeal seal{.instance = snapshot_.seal.instance(),
                    .listener = snapshot_.sides[kPublic].hash,
                    .connection = client_.connection.number()};
  EXPECT_EQ(flow_of_client(snapshot_, below, seal), client_);
  ++seal.instance;
  transport::Flow unknown = client_;
  unknown.connection = {};
  EXPECT_EQ(flow_of_client(snapshot_, below, seal), unknown);
  seal.listener ^= 1;
  EXPECT_FALSE(flow_of_client(snapshot_, below, seal).has_value());
}

TEST_F(ClientReturnTest, AListenerThatHasNoSuchTransportAnyMoreLeadsNowhere) {
  configure(two_groups());
  const sip::ViaSeal seal{.listener = snapshot_.sides[kPublic].hash};
  EXPECT_FALSE(
      flow_of_client(snapshot_, via_of("SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1"), seal).has_value());
  EXPECT_TRUE(
      flow_of_client(snapshot_, via_of("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"), seal).has_value());
}

TEST_F(ClientReturnTest, AResponseWhoseConnectionIsGoneGoesToTheListenerOfItsClient) {
  const auto to = listener_of(response_with("SIP/2.0/TCP 192.0.2.1:5070;branch=z9hG4bK1"), client_);
  ASSERT_TRUE(to.has_value());
  EXPECT_EQ(to->remote, address_of("192.0.2.1:5070"));
  EXPECT_TRUE(to->connection.is_none());
  EXPECT_EQ(to->listener, kPublic);
  // That was in vain already.
  EXPECT_FALSE(
      listener_of(response_with("SIP/2.0/TCP 192.0.2.1:5070;branch=z9hG4bK1"), *to).has_value());
}

TEST_F(ClientReturnTest, WhatNamesNoListenerOfItsClientGoesNowhere) {
  for (const std::string& text :
       {response_with("SIP/2.0/TCP 10.1.1.1:5070;branch=z9hG4bK1;received=192.0.2.1"),
        response_with("SIP/2.0/TCP phone.example;branch=z9hG4bK1"),
        SipBuilder::request().via("SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK1").str(),
        std::string("SIP/2.0 200"), std::string()}) {
    EXPECT_FALSE(listener_of(text, client_).has_value()) << text;
  }
}

}  // namespace
}  // namespace siplb::proxy
