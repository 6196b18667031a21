// RFC 3261, 18.1.1, by whoever uses it.
#include "proxy/size_rule.h"

#include <gmock/gmock.h>

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

using namespace std::chrono_literals;
using sip::Method;
using sip::Transport;
using test::SipBuilder;
using testing::HasSubstr;
using testing::SizeIs;

// All servers are asked over UDP; the one of pbx that gets new work takes TCP as well.
class SizeRuleTest : public LaneTest {
 protected:
  SizeRuleTest() {
    auto input = over_tcp(two_groups(), Transport::Udp);
    input.groups[kPbx].servers[0].takes_tcp = true;
    input.groups[kPbx].servers[1].weight = 0;
    configure(input);
  }
  test::SentMessage relay_with(size_t padding, std::string_view call = "call",
                               Method method = Method::Message) {
    auto request = SipBuilder::request(method).call_id(call);
    return relay(from_client(), request.add("Subject", std::string(padding, 's')).str());
  }
  // How many octets of a header make the request exactly so long over UDP.
  size_t padding_for(size_t octets) {
    const size_t before = relay_with(1, "measured").text.size();
    return octets - before + 1 + std::string_view("measured").size() -
           std::string_view("call").size();
  }
};

TEST_F(SizeRuleTest, TurnsToTcpAtOneOctetMoreThanADatagramMayHave) {
  const size_t padding = padding_for(SizeRule::kDatagramOctetsMax);
  const auto fits = relay_with(padding);
  EXPECT_EQ(fits.text.size(), SizeRule::kDatagramOctetsMax);
  EXPECT_EQ(fits.to.transport, Transport::Udp);
  const auto long_one = relay_with(padding + 1, "cal2");
  EXPECT_EQ(long_one.to.transport, Transport::Tcp);
  EXPECT_THAT(long_one.text, HasSubstr("\r\nVia: SIP/2.0/TCP 10.0.1.1:5060;"));
}

TEST_F(SizeRuleTest, IsForServersThatTakeTcpOnly) {
  const auto request = SipBuilder::request().add("Subject", std::string(2000, 's')).str();
  EXPECT_EQ(relay(from_server("10.0.2.1:5060"), request).to.transport, Transport::Udp);
}

TEST_F(SizeRuleTest, WhatTcpRefusesGoesOverUdpAtOnceAndForAWhile) {
  wire_.refuse(snapshot_.topology.servers()[0].address);
  EXPECT_EQ(relay_with(2000).to.transport, Transport::Udp);
  EXPECT_EQ(counters_.tcp_refused.value(), 1U);
  const uint64_t before = wire_.attempts();
  tick_.now += SizeRule::kRefusedFor - 1ms;
  EXPECT_EQ(relay_with(2000, "second").to.transport, Transport::Udp);
  EXPECT_EQ(wire_.attempts(), before + 1);  // it was not even tried
  tick_.now += 1ms;
  relay_with(2000, "third");
  EXPECT_EQ(counters_.tcp_refused.value(), 2U);
}

TEST_F(SizeRuleTest, WhatTcpRefusesLaterGoesOverUdpToTheSameServer) {
  const auto first = relay_with(2000);
  ASSERT_TRUE(first.to.is_stream());
  const auto again = unsent(first);
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].to.transport, Transport::Udp);
  EXPECT_EQ(again[0].to.remote, first.to.remote);
  EXPECT_EQ(counters_.tcp_refused.value(), 1U);
  EXPECT_THAT(answer(again[0], 200), SizeIs(1));
  EXPECT_EQ(contexts_used(), 0U);
}

// No transaction watches it, and nobody repeats it.
TEST_F(SizeRuleTest, AnAckThatTcpRefusesGoesOverUdp) {
  const auto first = relay(from_client(), SipBuilder::request().str());
  answer(first, 200);
  wire_.refuse(first.to.remote);
  auto ack = SipBuilder::request(Method::Ack).to("<sip:bob@example.com>;tag=b1");
  ack.via("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKack").add("Subject", std::string(2000, 's'));
  EXPECT_EQ(relay(from_client(), ack.str()).to, first.to);
  EXPECT_EQ(counters_.tcp_refused.value(), 1U);
}

}  // namespace
}  // namespace siplb::proxy
