#include "load/udp_lane.h"

#include <string>

#include <gtest/gtest.h>

#include "support/loopback.h"

namespace siplb::load {
namespace {

using namespace std::chrono_literals;
using siplb::test::loopback;
using siplb::test::Peer;
using Family = SockAddress::Family;

// Keeps what arrives, and counts the ticks.
class TickingSink final : public transport::Receiver {
 public:
  void on_batch(std::span<transport::Inbound> batch, Instant /*now*/) override {
    for (const transport::Inbound& inbound : batch) {
      texts.emplace_back(inbound.octets.begin(), inbound.octets.end());
      flows.push_back(inbound.flow);
    }
  }
  void on_tick(Instant /*now*/) { ++ticks; }

  std::vector<std::string> texts;
  std::vector<transport::Flow> flows;
  int ticks = 0;
};

TEST(UdpLaneTest, BindsEveryAddressToAPortOfItsOwn) {
  const auto lane = UdpLane::open({loopback(Family::V4), loopback(Family::V4)});
  ASSERT_TRUE(lane.has_value());
  const std::vector<SockAddress>& addresses = (*lane)->addresses();
  ASSERT_EQ(addresses.size(), 2U);
  for (const SockAddress& address : addresses) {
    EXPECT_TRUE(address.same_ip(loopback(Family::V4)));
    EXPECT_NE(address.port(), 0);
  }
  EXPECT_NE(addresses[0], addresses[1]);
}

TEST(UdpLaneTest, SaysThatAnAddressIsTaken) {
  const Peer peer(Family::V4);
  const auto lane = UdpLane::open({loopback(Family::V4), peer.address()});
  ASSERT_FALSE(lane.has_value());
  EXPECT_EQ(lane.error().code, ErrorCode::AddressInUse);
}

TEST(UdpLaneTest, GivesWhatArrivesToTheReceiverAndSendsItsAnswer) {
  auto lane = std::move(*UdpLane::open({loopback(Family::V4), loopback(Family::V4)}));
  TickingSink sink;
  ASSERT_TRUE(lane->start(sink).has_value());
  Peer peer(Family::V4);
  peer.send(lane->addresses()[1], "hello");
  const Instant patience = lane->loop().wait(Instant{}) + 5s;
  Instant now{};
  while (sink.texts.empty() && now < patience) now = lane->tick(sink, patience);
  ASSERT_EQ(sink.texts, std::vector<std::string>{"hello"});
  EXPECT_EQ(sink.flows[0].remote, peer.address());
  EXPECT_EQ(sink.flows[0].listener, 1);
  EXPECT_GT(sink.ticks, 0);

  const std::string_view answer = "welcome";
  ASSERT_EQ(lane->wire().send(sink.flows[0], {&answer, 1}), transport::SendStatus::Queued);
  EXPECT_FALSE(peer.has_more()) << "sent with the tick";
  now = lane->tick(sink, now);
  EXPECT_EQ(peer.receive(1), std::vector<std::string>{"welcome"});
  EXPECT_EQ(lane->kernel_drops(), 0U);
}

TEST(UdpLaneTest, EndsATickAtItsDeadline) {
  auto lane = std::move(*UdpLane::open({loopback(Family::V4)}));
  TickingSink sink;
  ASSERT_TRUE(lane->start(sink).has_value());
  const Instant deadline = lane->loop().wait(Instant{}) + 2ms;
  Instant now{};
  while (now < deadline) now = lane->tick(sink, deadline);
  EXPECT_TRUE(sink.texts.empty());
  EXPECT_GT(sink.ticks, 0);
}

}  // namespace
}  // namespace siplb::load
