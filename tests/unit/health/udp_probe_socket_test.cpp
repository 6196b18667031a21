#include "health/udp_probe_socket.h"

#include <string>

#include "probe_socket_fixture.h"

namespace siplb::health {
namespace {

using test::Peer;

class UdpProbeSocketTest : public test::ProbeSocketFixture {
 protected:
  [[nodiscard]] SockAddress own_address(const ProbeSocket& socket) const {
    return *SockAddress::parse(socket.sent_by());
  }
  // Sends one probe to server_.
  void probe(UdpProbeSocket& socket) {
    ASSERT_EQ(socket.prepare(), Step::Ready);
    ASSERT_EQ(socket.send("probe"), Step::Ready);
    ASSERT_EQ(server_.receive(1), std::vector<std::string>{"probe"});
  }

  Peer server_{Family::V4};
  UdpProbeSocket socket_{{.server = kServer, .remote = server_.address()}, parts()};
};

TEST_F(UdpProbeSocketTest, TakesAnswersAtTheAddressThatItSaysItHas) {
  probe(socket_);
  server_.send(own_address(socket_), "answer");
  ASSERT_TRUE(run_until([&] { return !inbox_.messages.empty(); }));
  EXPECT_EQ(inbox_.messages, std::vector<std::string>{"answer"});
  EXPECT_EQ(inbox_.servers, std::vector<balance::ServerIndex>{kServer});
}

TEST_F(UdpProbeSocketTest, StaysAtItsAddress) {
  probe(socket_);
  const std::string before(socket_.sent_by());
  probe(socket_);
  EXPECT_EQ(socket_.sent_by(), before);
}

TEST_F(UdpProbeSocketTest, HearsNobodyElse) {
  probe(socket_);
  Peer stranger(Family::V4);
  stranger.send(own_address(socket_), "forged");
  server_.send(own_address(socket_), "answer");
  ASSERT_TRUE(run_until([&] { return !inbox_.messages.empty(); }));
  EXPECT_EQ(inbox_.messages, std::vector<std::string>{"answer"});
}

TEST_F(UdpProbeSocketTest, TellsOfAClosedPort) {
  const test::RefusingPort closed(Family::V4);
  UdpProbeSocket socket({.server = kServer, .remote = closed.address()}, parts());
  ASSERT_EQ(socket.prepare(), Step::Ready);
  ASSERT_EQ(socket.send("probe"), Step::Ready);
  EXPECT_TRUE(run_until([&] { return inbox_.refused_count == 1; }));
}

TEST_F(UdpProbeSocketTest, WhatThePortSaidToTheLastProbeDoesNotConcernTheNext) {
  const test::RefusingPort closed(Family::V4);
  UdpProbeSocket socket({.server = kServer, .remote = closed.address()}, parts());
  ASSERT_EQ(socket.prepare(), Step::Ready);
  ASSERT_EQ(socket.send("probe"), Step::Ready);
  ASSERT_EQ(socket.prepare(), Step::Ready);
  EXPECT_EQ(socket.send("probe"), Step::Ready);
}

TEST_F(UdpProbeSocketTest, SendsFromTheAddressThatItIsGiven) {
  const SockAddress local = SockAddress::v4(0x7f000002, 5060);
  UdpProbeSocket socket({.remote = server_.address(), .local = local}, parts());
  probe(socket);
  EXPECT_TRUE(own_address(socket).same_ip(local));
  EXPECT_NE(own_address(socket).port(), 5060);
}

TEST_F(UdpProbeSocketTest, WorksOverIpv6) {
  if (!test::has_ipv6_loopback()) GTEST_SKIP() << "this host has no IPv6 loopback address";
  Peer server(Family::V6);
  UdpProbeSocket socket({.remote = server.address()}, parts());
  ASSERT_EQ(socket.prepare(), Step::Ready);
  ASSERT_EQ(socket.send("probe"), Step::Ready);
  EXPECT_EQ(server.receive(1), std::vector<std::string>{"probe"});
  EXPECT_TRUE(socket.sent_by().starts_with("[::1]:"));
}

TEST_F(UdpProbeSocketTest, SaysWhenThisHostCannotSend) {
  UdpProbeSocket unroutable({.remote = test::unsendable(Family::V4)}, parts());
  EXPECT_EQ(unroutable.prepare(), Step::Unsendable);
  UdpProbeSocket standby({.remote = server_.address(), .local = test::absent(Family::V4)}, parts());
  EXPECT_EQ(standby.prepare(), Step::Unsendable);
}

TEST_F(UdpProbeSocketTest, SaysWhenTheLoopHasNoRoom) {
  probe(socket_);  // takes the only place
  UdpProbeSocket second({.remote = server_.address()}, parts());
  EXPECT_EQ(second.prepare(), Step::Unsendable);
  socket_.end();
  EXPECT_EQ(second.prepare(), Step::Ready);
}

TEST_F(UdpProbeSocketTest, TakesMoreThanOneTickDoes) {
  probe(socket_);
  const auto answers = test::numbered(UdpProbeSocket::kReadsMax + 1);
  for (const std::string& answer : answers) server_.send(own_address(socket_), answer);
  loop_->dispatch(loop_->wait(Clock::now()));
  EXPECT_EQ(inbox_.messages.size(), static_cast<size_t>(UdpProbeSocket::kReadsMax));
  ASSERT_TRUE(run_until([&] { return inbox_.messages.size() == answers.size(); }));
  EXPECT_EQ(inbox_.messages, answers);
}

TEST_F(UdpProbeSocketTest, HearsNothingOnceItHasEnded) {
  probe(socket_);
  inbox_.to_end = &socket_;
  server_.send(own_address(socket_), "first");
  server_.send(own_address(socket_), "second");
  ASSERT_TRUE(run_until([&] { return !inbox_.messages.empty(); }));
  loop_->dispatch(loop_->wait(Clock::now()));
  EXPECT_EQ(inbox_.messages, std::vector<std::string>{"first"});
  probe(socket_);  // and begins anew
}

}  // namespace
}  // namespace siplb::health
