#include "proxy/request.h"

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;

class RequestTest : public LaneTest {
 protected:
  Request read(const SipBuilder& builder, const transport::Flow& source) {
    const sip::Message& message = scanned(builder.str());
    return read_request(snapshot_, {message, source, kTick, snapshot_.seal.branch_hash(message)},
                        rejected_);
  }

  CounterArray<sip::SealFault> rejected_;
};

TEST_F(RequestTest, KnowsItsSenderByWhereItCameFrom) {
  EXPECT_FALSE(read(SipBuilder::request(), from_client()).sender.is_server());
  const Request from_v1 = read(SipBuilder::request(), from_server("10.0.3.1:5060"));
  ASSERT_TRUE(from_v1.sender.is_server());
  EXPECT_EQ(snapshot_.topology.servers()[from_v1.sender.server].name, "v1");
  // The listener of the clients makes no servers.
  EXPECT_FALSE(read(SipBuilder::request(), from_client("10.0.3.1:5060")).sender.is_server());
}

TEST_F(RequestTest, PopsOurRouteAndKnowsTheNext) {
  const Request request =
      read(SipBuilder::request().route("<sip:10.0.1.1;lr>").route("<sip:10.0.3.2:5090;lr>"),
           from_server("10.0.2.1:5060"));
  ASSERT_TRUE(request.routes.has_next());
  EXPECT_EQ(request.routes.next.literal(), address_of("10.0.3.2:5090"));
}

TEST_F(RequestTest, CountsATokenThatIsRefused) {
  const sip::TokenEnd server{.is_server = true, .address = address_of("10.0.2.1:5060")};
  const sip::TokenText token = snapshot_.seal.seal_token(
      {.initiator = server, .responder = server, .issue_day = kTick.today}, "another-call");
  const Request request =
      read(SipBuilder::request().route("<sip:" + std::string(token.view()) + "@10.0.0.1;lr>"),
           from_client());
  EXPECT_FALSE(request.routes.has_token);
  EXPECT_EQ(rejected_.sum(), 1U);
}

TEST_F(RequestTest, BearsTheHashOfItsFromTag) {
  const Request request = read(SipBuilder::request(), from_client());
  EXPECT_EQ(request.from_tag_hash, snapshot_.seal.tag_hash("a1"));
}

TEST_F(RequestTest, AUriLeadsToAnAddressByTheTransportThatItNames) {
  const auto place_of = [](std::string_view text) {
    sip::Uri uri;
    EXPECT_TRUE(sip::parse_uri(text, uri)) << text;
    return read_place(uri);
  };
  ASSERT_TRUE(place_of("sip:bob@10.0.2.1").has_value());
  EXPECT_EQ(place_of("sip:bob@10.0.2.1")->address, address_of("10.0.2.1:5060"));
  EXPECT_EQ(place_of("sip:bob@10.0.2.1")->transport, std::nullopt);
  EXPECT_EQ(place_of("sip:bob@10.0.2.1;transport=UDP")->transport, sip::Transport::Udp);
  EXPECT_EQ(place_of("sip:bob@10.0.2.1;transport=tcp")->transport, sip::Transport::Tcp);
  for (const std::string_view nowhere :
       {"sip:bob@10.0.2.1;transport=tls", "sips:bob@10.0.2.1", "sip:bob@10.0.2.1;transport=sctp",
        "sip:bob@pbx.example"}) {
    EXPECT_FALSE(place_of(nowhere).has_value()) << nowhere;
  }
}

TEST_F(RequestTest, AUriLeadsByANameWithThePortAndTransportThatItSays) {
  const NameKey plain = name_of("Pbx-1.Example.");
  EXPECT_EQ(plain.host.view(), "pbx-1.example");
  EXPECT_EQ(plain.port, 0);
  EXPECT_EQ(plain.transport, std::nullopt);
  EXPECT_EQ(plain, name_of("pbx-1.example"));
  EXPECT_EQ(name_of("pbx.example:5070").port, 5070);
  EXPECT_EQ(name_of("pbx.example;transport=TCP").transport, sip::Transport::Tcp);
  EXPECT_EQ(name_of("localhost").host.view(), "localhost");
  const NameKey longest = name_of(std::string(61, 'a') + "." + std::string(63, 'b') + "." +
                                  std::string(63, 'c') + "." + std::string(63, 'd'));
  EXPECT_EQ(longest.host.size(), kHostNameOctetsMax);
}

TEST_F(RequestTest, WhatCanBeNoNameIsNone) {
  for (const std::string& host :
       {std::string("10.0.2.1"), std::string("10.0.2.256"), std::string("[2001:db8::1]"),
        std::string("a..example"), std::string("."), std::string("a.example.."),
        std::string("a%41.example"), std::string(64, 'a') + ".example",
        std::string("a.example;transport=tls"),
        std::string(62, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." +
            std::string(63, 'd')}) {
    const std::string text = "sip:" + host;
    sip::Uri uri;
    EXPECT_TRUE(!sip::parse_uri(text, uri) || !read_name(uri)) << text;
  }
  sip::Uri sips;
  ASSERT_TRUE(sip::parse_uri("sips:a.example", sips));
  EXPECT_FALSE(read_name(sips));
}

}  // namespace
}  // namespace siplb::proxy
