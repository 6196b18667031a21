#include "transport/lane_streams.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "stream_fixture.h"

namespace siplb::transport {
namespace {

using namespace std::chrono_literals;
using Family = SockAddress::Family;
using test::PlainListener;
using test::request;
using test::response;

// A port that refuses connections, until it listens.
class LatePort {
 public:
  LatePort()
      : fd_(test::open_plain(test::loopback(Family::V4), SOCK_STREAM)),
        address_(test::address_of(fd_.get())) {}
  [[nodiscard]] const SockAddress& address() const { return address_; }
  void listen() { ASSERT_EQ(::listen(fd_.get(), 16), 0); }
  [[nodiscard]] net::FileDescriptor accept() {
    if (!test::wait_readable(fd_.get())) return {};
    return net::FileDescriptor(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

 private:
  net::FileDescriptor fd_;
  SockAddress address_;
};

// A port that answers no attempt to connect: the one place that its kernel keeps is taken.
class SilentPort {
 public:
  SilentPort()
      : fd_(test::open_plain(test::loopback(Family::V4), SOCK_STREAM)),
        address_(test::address_of(fd_.get())) {
    EXPECT_EQ(::listen(fd_.get(), 0), 0);
    first_ = test::connect_plain(address_);
  }
  [[nodiscard]] const SockAddress& address() const { return address_; }

 private:
  net::FileDescriptor fd_;
  SockAddress address_;
  net::FileDescriptor first_;
};

class LaneStreamsTest : public test::StreamFixture {};

TEST_F(LaneStreamsTest, AnswersByTheConnectionThatWasAccepted) {
  start();
  const auto client = connect();
  const Flow flow = bring(client, request("OPTIONS", 1));
  EXPECT_EQ(inbox_.texts.front(), request("OPTIONS", 1));
  Flow expected = to(test::address_of(client.get()));
  expected.connection = flow.connection;
  EXPECT_EQ(flow, expected);
  EXPECT_EQ(flow.connection.lane(), kLane);
  EXPECT_FALSE(flow.connection.is_outbound());
  EXPECT_TRUE(census_->is_alive(flow.connection));

  EXPECT_EQ(send(flow, response(200, 1)), SendStatus::Queued);
  EXPECT_TRUE(lane_->has_marked());
  lane_->flush();
  EXPECT_EQ(test::receive(client.get(), response(200, 1).size()), response(200, 1));
  EXPECT_EQ(counters().begun[Direction::Accepted].value(), 1U);
  EXPECT_EQ(counters().connections[Direction::Accepted].value(), 1U);
  EXPECT_EQ(counters().sent_messages.value(), 1U);
  EXPECT_EQ(counters().sent_octets.value(), response(200, 1).size());
  EXPECT_EQ(counters().received_octets.value(), request("OPTIONS", 1).size());
  EXPECT_EQ(counters().queue_depth.value(), 0U);
}

TEST_F(LaneStreamsTest, CountsAConnectionForAResponseAsOneOfItsClients) {
  start({}, {.connections_per_source = 2});
  const std::array<LatePort, 3> ports;
  EXPECT_EQ(send(to(ports[0].address()), response(200, 1)), SendStatus::Queued);
  EXPECT_EQ(send(to(ports[1].address()), response(200, 2)), SendStatus::Queued);
  EXPECT_EQ(send(to(ports[2].address()), response(200, 3)), SendStatus::NoConnection);
  EXPECT_EQ(send(to(ports[2].address()), request("OPTIONS", 4)), SendStatus::Queued);
  // As long as they are remembered.
  ASSERT_TRUE(run_until_ended(EndReason::Refused, 3));
  EXPECT_EQ(census_->accepted(), 2U);
}

TEST_F(LaneStreamsTest, DiesOnAnotherThreadThanItWorkedOn) {
  start();
  const auto client = connect();
  const Flow flow = bring(client, request("OPTIONS", 1) + "OPTIONS ");
  EXPECT_EQ(send(flow, response(200, 1)), SendStatus::Queued);
  std::thread([this] { lane_.reset(); }).join();
  EXPECT_EQ(census_->accepted(), 0U);
}

TEST_F(LaneStreamsTest, OpensAConnectionForWhatIsSentAndKeepsIt) {
  start();
  PlainListener server(Family::V4);
  const Flow flow = to(server.address());
  EXPECT_EQ(send(flow, request("OPTIONS", 1)), SendStatus::Queued);
  EXPECT_EQ(send(flow, request("OPTIONS", 2)), SendStatus::Queued);
  EXPECT_EQ(counters().queue_depth.value(), 2U);
  ASSERT_TRUE(run_until_begun(Direction::Opened));
  const auto end = server.accept();
  const std::string both = request("OPTIONS", 1) + request("OPTIONS", 2);
  EXPECT_EQ(test::receive(end.get(), both.size()), both);

  // It leaves from the listener's address, and what comes by it says so.
  const Flow back = bring(end, response(200, 1));
  EXPECT_EQ(back.remote, server.address());
  EXPECT_EQ(back.listener, kListener);
  EXPECT_TRUE(back.connection.is_outbound());
  EXPECT_TRUE(census_->is_alive(back.connection));
  EXPECT_EQ(census_->accepted(), 0U);
  EXPECT_EQ(send(flow, request("OPTIONS", 3)), SendStatus::Queued);
  EXPECT_EQ(send(back, request("OPTIONS", 4)), SendStatus::Queued);
  lane_->flush();
  EXPECT_EQ(test::receive(end.get(), both.size()), request("OPTIONS", 3) + request("OPTIONS", 4));
  EXPECT_EQ(counters().begun[Direction::Opened].value(), 1U);
  EXPECT_EQ(connections(), 1U);
}

TEST_F(LaneStreamsTest, OpensAnotherConnectionForAnotherServer) {
  start();
  PlainListener first(Family::V4);
  PlainListener second(Family::V4);
  EXPECT_EQ(send(to(first.address()), request("OPTIONS", 1)), SendStatus::Queued);
  EXPECT_EQ(send(to(second.address()), request("OPTIONS", 2)), SendStatus::Queued);
  ASSERT_TRUE(run_until_begun(Direction::Opened, 2));
  for (const auto& [server, number] : {std::pair{&first, 1}, {&second, 2}}) {
    const auto end = server->accept();
    EXPECT_EQ(test::receive(end.get(), request("OPTIONS", number).size()),
              request("OPTIONS", number));
  }
}

TEST_F(LaneStreamsTest, RefusedConnectionIsToldThenLeftAloneThenTriedAgain) {
  start();
  LatePort port;
  const Flow flow = to(port.address());
  const auto is_queued = [&] { return send(flow, request("OPTIONS", 1), 7) == SendStatus::Queued; };
  for (size_t failures = 1; failures <= 4; ++failures) {
    ASSERT_TRUE(run_until(is_queued));
    ASSERT_TRUE(run_until([&] { return inbox_.unsent.size() == failures; }));
    EXPECT_EQ(inbox_.unsent.back(), (test::StreamInbox::Told{request("OPTIONS", 1), flow}));
  }
  EXPECT_EQ(counters().unsent.value(), 4U);
  EXPECT_EQ(counters().ended[EndReason::Refused].value(), 4U);
  EXPECT_EQ(counters().begun.sum(), 0U);
  EXPECT_EQ(connections(), 0U);
  // Nothing was ever written, so nothing can have been lost.
  EXPECT_TRUE(inbox_.disconnected.empty());
  EXPECT_EQ(send(flow, request("OPTIONS", 1)), SendStatus::Unreachable);
  tick();
  EXPECT_EQ(send(flow, request("OPTIONS", 1)), SendStatus::Unreachable);
  EXPECT_EQ(inbox_.unsent.size(), 4U);

  port.listen();
  ASSERT_TRUE(run_until(is_queued));
  ASSERT_TRUE(run_until_begun(Direction::Opened));
  const auto end = port.accept();
  EXPECT_EQ(test::receive(end.get(), request("OPTIONS", 1).size()), request("OPTIONS", 1));
}

TEST_F(LaneStreamsTest, MessagesWaitForANearTry) {
  start();
  LatePort port;
  const Flow flow = to(port.address());
  EXPECT_EQ(send(flow, request("OPTIONS", 1)), SendStatus::Queued);
  ASSERT_TRUE(run_until([&] { return inbox_.unsent.size() == 1; }));
  tick();
  EXPECT_EQ(send(flow, request("OPTIONS", 2)), SendStatus::Queued);
  port.listen();
  ASSERT_TRUE(run_until_begun(Direction::Opened));
  const auto end = port.accept();
  EXPECT_EQ(test::receive(end.get(), request("OPTIONS", 2).size()), request("OPTIONS", 2));
  EXPECT_EQ(inbox_.unsent.size(), 1U);
}

TEST_F(LaneStreamsTest, ReceiverMaySendFromWhereItIsTold) {
  start();
  const LatePort port;
  PlainListener server(Family::V4);
  inbox_.retry = [&](const Flow& flow) {
    EXPECT_EQ(send(flow, request("OPTIONS", 1)), SendStatus::Unreachable);
    EXPECT_EQ(send(to(server.address()), request("OPTIONS", 1)), SendStatus::Queued);
  };
  EXPECT_EQ(send(to(port.address()), request("OPTIONS", 1)), SendStatus::Queued);
  ASSERT_TRUE(run_until_begun(Direction::Opened));
  const auto end = server.accept();
  EXPECT_EQ(test::receive(end.get(), request("OPTIONS", 1).size()), request("OPTIONS", 1));
  EXPECT_EQ(inbox_.unsent.size(), 1U);
}

TEST_F(LaneStreamsTest, WhatTheKernelWillNotConnectIsRefusedAtOnceOrToldLater) {
  start();
  const Flow flow = to(test::unsendable(Family::V4));
  EXPECT_EQ(send(flow, request("OPTIONS", 1)), SendStatus::Unreachable);
  tick();
  EXPECT_EQ(send(flow, request("OPTIONS", 2)), SendStatus::Queued);
  EXPECT_TRUE(inbox_.unsent.empty()) << "told within a send()";
  ASSERT_TRUE(run_until([&] { return inbox_.unsent.size() == 1; }));
  EXPECT_EQ(counters().begun.sum(), 0U);
  EXPECT_TRUE(inbox_.disconnected.empty());
}

TEST_F(LaneStreamsTest, GivesUpAServerThatDoesNotAnswerInTime) {
  StreamOptions options;
  options.timers.connect = 30ms;
  start(options);
  const SilentPort port;
  const Instant begun = loop_->now();
  EXPECT_EQ(send(to(port.address()), request("OPTIONS", 1)), SendStatus::Queued);
  ASSERT_TRUE(run_until_ended(EndReason::Connect));
  EXPECT_GE(loop_->now(), begun + 30ms);
  EXPECT_EQ(inbox_.unsent.size(), 1U);
  EXPECT_TRUE(inbox_.disconnected.empty());
  EXPECT_EQ(connections(), 0U);
}

TEST_F(LaneStreamsTest, OpensAgainForWhatWaitsWhenAServerCloses) {
  start();
  PlainListener server(Family::V4);
  auto end = open(server);
  const Flow flow = to(server.address());
  end = net::FileDescriptor();
  EXPECT_EQ(send(flow, request("OPTIONS", 2), 9), SendStatus::Queued);
  EXPECT_EQ(send(flow, request("OPTIONS", 3), 9), SendStatus::Queued);
  ASSERT_TRUE(run_until_begun(Direction::Opened, 2));
  // What was written by the first connection may be lost.
  ASSERT_EQ(inbox_.disconnected.size(), 1U);
  const Flow& lost = inbox_.disconnected.front().flow;
  EXPECT_EQ(lost.remote, flow.remote);
  EXPECT_TRUE(lost.connection.is_outbound());
  EXPECT_TRUE(inbox_.unsent.empty());
  end = server.accept();
  const std::string both = request("OPTIONS", 2) + request("OPTIONS", 3);
  EXPECT_EQ(test::receive(end.get(), both.size()), both);
  EXPECT_EQ(connections(), 1U);

  // So may what was written by the second: its lane hears of it.
  test::reset(end);
  ASSERT_TRUE(run_until([&] { return inbox_.disconnected.size() == 2; }));
  EXPECT_NE(inbox_.disconnected.back().lanes & uint64_t{1} << 9, 0U);
}

TEST_F(LaneStreamsTest, WhatHasBegunToLeaveIsNotRepeated) {
  start({.channel_octets = size_t{1} << 20});
  PlainListener server(Family::V4);
  auto end = open(server);
  const Flow flow = to(server.address());
  const std::string large = request("OPTIONS", 2, 50000);
  const uint64_t written_before = counters().sent_messages.value();
  const uint64_t octets_before = counters().sent_octets.value();
  size_t queued = 0;
  do {
    ASSERT_EQ(send(flow, large), SendStatus::Queued);
    ++queued;
    tick();
  } while (counters().queue_depth.value() == 0);
  // The last one is written in part, unless by chance; so a little more is sent if it is whole.
  ASSERT_NE((counters().sent_octets.value() - octets_before) % large.size(), 0U);
  ASSERT_EQ(counters().sent_messages.value() - written_before, queued - 1);
  EXPECT_EQ(send(flow, request("OPTIONS", 3)), SendStatus::Queued);
  test::reset(end);
  ASSERT_TRUE(run_until_begun(Direction::Opened, 2));
  ASSERT_EQ(inbox_.unsent.size(), 1U);
  EXPECT_EQ(inbox_.unsent.front().text, large);
  end = server.accept();
  EXPECT_EQ(test::receive(end.get(), request("OPTIONS", 3).size()), request("OPTIONS", 3));
}

TEST_F(LaneStreamsTest, ServerThatEndsWithoutAWordIsLeftAloneForAWhile) {
  start();
  PlainListener server(Family::V4);
  const Flow flow = to(server.address());
  EXPECT_EQ(send(flow, request("OPTIONS", 1), 4), SendStatus::Queued);
  ASSERT_TRUE(run_until_begun(Direction::Opened));
  auto end = server.accept();
  EXPECT_EQ(test::receive(end.get(), request("OPTIONS", 1).size()), request("OPTIONS", 1));
  EXPECT_EQ(send(flow, request("OPTIONS", 2), 4), SendStatus::Queued);
  end = net::FileDescriptor();
  ASSERT_TRUE(run_until_ended(EndReason::Peer));
  // The second was written as well, or was told; neither is sent again.
  ASSERT_EQ(inbox_.disconnected.size(), 1U);
  EXPECT_EQ(inbox_.disconnected.front().lanes, 1U << 4);
  EXPECT_EQ(counters().begun[Direction::Opened].value(), 1U);
  EXPECT_EQ(counters().queue_depth.value(), 0U);
  EXPECT_EQ(connections(), 0U);
}

TEST_F(LaneStreamsTest, ServerThatClosesWithoutWorkIsForgotten) {
  start({.channels = 1});
  PlainListener server(Family::V4);
  PlainListener other(Family::V4);
  auto end = open(server);
  EXPECT_EQ(send(to(other.address()), request("OPTIONS", 2)), SendStatus::NoConnection);
  end = net::FileDescriptor();
  ASSERT_TRUE(run_until_ended(EndReason::Peer));
  EXPECT_EQ(send(to(other.address()), request("OPTIONS", 2)), SendStatus::Queued);
}

TEST_F(LaneStreamsTest, HalfClosedClientGetsWhatItAskedForThenIsClosed) {
  start();
  const auto client = connect();
  test::send_all(client.get(), request("OPTIONS", 1) + request("OPTIONS", 2) + request("ACK", 3));
  ASSERT_EQ(::shutdown(client.get(), SHUT_WR), 0);
  ASSERT_TRUE(run_until_arrived(3));
  tick();
  const Flow flow = inbox_.flows.front();
  EXPECT_EQ(connections(), 1U);
  EXPECT_EQ(send(flow, request("OPTIONS", 9)), SendStatus::Gone);
  const std::vector<std::string> answers = {response(100, 1), response(200, 1), response(404, 2)};
  for (size_t i = 0; i < answers.size(); ++i) {
    EXPECT_EQ(send(flow, answers[i]), SendStatus::Queued) << i;
    tick();
    EXPECT_EQ(connections(), i + 1 < answers.size() ? 1U : 0U) << i;
  }
  EXPECT_EQ(test::receive(client.get(), test::joined(answers).size()), test::joined(answers));
  EXPECT_EQ(test::ending_of(client.get()), 0);
  EXPECT_EQ(counters().ended[EndReason::Peer].value(), 1U);
}

TEST_F(LaneStreamsTest, HalfClosedClientThatAwaitsNothingIsClosedAtOnce) {
  start();
  const auto client = connect();
  const Flow flow = bring(client, request("OPTIONS", 1));
  EXPECT_EQ(send(flow, response(200, 1)), SendStatus::Queued);
  tick();
  ASSERT_EQ(::shutdown(client.get(), SHUT_WR), 0);
  ASSERT_TRUE(run_until_ended(EndReason::Peer));
  EXPECT_EQ(test::receive(client.get(), response(200, 1).size()), response(200, 1));
  EXPECT_EQ(test::ending_of(client.get()), 0);
  EXPECT_EQ(connections(), 0U);
}

TEST_F(LaneStreamsTest, MessageBeforeTheEndArrives) {
  start();
  const auto client = connect();
  test::send_all(client.get(), request("OPTIONS", 1) + "OPTIONS sip:half");
  ASSERT_EQ(::shutdown(client.get(), SHUT_WR), 0);
  ASSERT_TRUE(run_until_arrived(1));
  tick();
  EXPECT_EQ(inbox_.texts, std::vector<std::string>{request("OPTIONS", 1)});
  EXPECT_EQ(slots_out(*unfinished_slots_), 0U);
}

TEST_F(LaneStreamsTest, ResetTellsWhatWaitedAndWhoseRequestsItCarried) {
  start();
  auto client = connect();
  const Flow flow = bring(client, request("OPTIONS", 1));
  EXPECT_EQ(send(flow, request("NOTIFY", 2), 0), SendStatus::Queued);
  EXPECT_EQ(send(flow, request("NOTIFY", 3), 63), SendStatus::Queued);
  EXPECT_EQ(send(flow, response(200, 1), 5), SendStatus::Queued);
  tick();
  test::reset(client);
  EXPECT_EQ(send(flow, request("NOTIFY", 4), 1), SendStatus::Queued);
  EXPECT_EQ(send(flow, response(200, 5), 5), SendStatus::Queued);
  ASSERT_TRUE(run_until_ended(EndReason::Failed));
  EXPECT_EQ(inbox_.unsent, (std::vector<test::StreamInbox::Told>{{request("NOTIFY", 4), flow},
                                                                 {response(200, 5), flow}}));
  EXPECT_EQ(
      inbox_.disconnected,
      (std::vector<test::StreamInbox::Disconnected>{{flow, uint64_t{1} << 63 | 1U << 1 | 1U}}));
  EXPECT_EQ(connections(), 0U);
  EXPECT_FALSE(census_->is_alive(flow.connection));
  EXPECT_EQ(send(flow, response(200, 1)), SendStatus::Gone);
}

TEST_F(LaneStreamsTest, ConnectionThatCarriedNoRequestIsNotTold) {
  start();
  auto client = connect();
  const Flow flow = bring(client, request("OPTIONS", 1));
  EXPECT_EQ(send(flow, response(200, 1)), SendStatus::Queued);
  tick();
  test::reset(client);
  ASSERT_TRUE(run_until_ended(EndReason::Failed));
  EXPECT_TRUE(inbox_.disconnected.empty());
}

TEST_F(LaneStreamsTest, FlowOfAnEndedConnectionIsGoneAlsoWhenItsSlotIsUsedAgain) {
  start({.channels = 1});
  auto client = connect();
  const Flow before = bring(client, request("OPTIONS", 1));
  client = net::FileDescriptor();
  EXPECT_EQ(send(before, response(200, 1)), SendStatus::Queued);
  ASSERT_TRUE(run_until([&] { return connections() == 0; }));
  EXPECT_EQ(send(before, response(200, 1)), SendStatus::Gone);

  const auto next = connect();
  const Flow after = bring(next, request("OPTIONS", 2));
  EXPECT_EQ(after.connection.slot(), before.connection.slot());
  EXPECT_EQ(send(before, response(200, 1)), SendStatus::Gone);
  EXPECT_FALSE(census_->is_alive(before.connection));
  EXPECT_EQ(send(after, response(200, 2)), SendStatus::Queued);
}

TEST_F(LaneStreamsTest, FlowThatDoesNotFitItsConnectionIsGone) {
  start();
  const auto client = connect();
  const Flow flow = bring(client, request("OPTIONS", 1));
  Flow other = flow;
  other.remote = SockAddress::v4(0x7F000002, flow.remote.port());
  EXPECT_EQ(send(other, response(200, 1)), SendStatus::Gone);
  const ConnectionId& id = flow.connection;
  other = flow;
  other.connection =
      ConnectionId({.lane = kLane + 1, .slot = id.slot(), .generation = id.generation()});
  EXPECT_EQ(send(other, response(200, 1)), SendStatus::Gone);
  other.connection = ConnectionId({.lane = kLane, .slot = 4000000, .generation = id.generation()});
  EXPECT_EQ(send(other, response(200, 1)), SendStatus::Gone);
  EXPECT_EQ(send(flow, response(200, 1)), SendStatus::Queued);
}

TEST_F(LaneStreamsTest, AConnectionIsFoundWhereverItsListenerIsNow) {
  start();
  const auto client = connect();
  Flow flow = bring(client, request("OPTIONS", 1));
  flow.listener = kListener - 1;
  EXPECT_EQ(send(flow, response(200, 1)), SendStatus::Queued);
}

TEST_F(LaneStreamsTest, RefusesWhereItHasNoListener) {
  start();
  const PlainListener server(Family::V4);
  for (const ListenerIndex listener :
       std::to_array<ListenerIndex>({0, kListener - 1, kListener + 1, 200})) {
    Flow flow = to(server.address());
    flow.listener = listener;
    EXPECT_EQ(send(flow, request("OPTIONS", 1)), SendStatus::NoSocket);
  }
  EXPECT_EQ(send(to(test::loopback(Family::V6).with_port(5060)), request("OPTIONS", 1)),
            SendStatus::NoSocket);
}

TEST_F(LaneStreamsTest, AcceptedConnectionsLeaveRoomForRequestsToServers) {
  start({.channels = 32});
  std::vector<net::FileDescriptor> clients;
  for (int i = 0; i < 30; ++i) clients.push_back(connect());
  const auto refused = test::connect_plain(address_);
  ASSERT_TRUE(run_until([&] { return counters().refused[RefusedReason::NoChannel].value() == 1; }));
  EXPECT_EQ(test::ending_of(refused.get()), ECONNRESET);
  EXPECT_EQ(census_->accepted(), 30U);

  std::vector<PlainListener> servers;
  for (int i = 0; i < 3; ++i) servers.emplace_back(Family::V4);
  // Where a response goes is said by a client.
  EXPECT_EQ(send(to(servers[0].address()), response(200, 1)), SendStatus::NoConnection);
  EXPECT_EQ(send(to(servers[0].address()), request("OPTIONS", 1)), SendStatus::Queued);
  EXPECT_EQ(send(to(servers[0].address()), response(200, 1)), SendStatus::Queued);
  EXPECT_EQ(send(to(servers[1].address()), request("OPTIONS", 1)), SendStatus::Queued);
  EXPECT_EQ(send(to(servers[2].address()), request("OPTIONS", 1)), SendStatus::NoConnection);
  ASSERT_TRUE(run_until_begun(Direction::Opened, 2));
  EXPECT_EQ(connections(), 32U);
}

TEST_F(LaneStreamsTest, RefusesASourceThatHasTooMany) {
  start({}, {.connections_per_source = 2});
  auto first = connect();
  const auto second = connect();
  const auto third = test::connect_plain(address_);
  ASSERT_TRUE(
      run_until([&] { return counters().refused[RefusedReason::SourceFull].value() == 1; }));
  EXPECT_EQ(test::ending_of(third.get()), ECONNRESET);
  EXPECT_EQ(connections(), 2U);
  first = net::FileDescriptor();
  ASSERT_TRUE(run_until_ended(EndReason::Peer));
  const auto fourth = connect();
  bring(fourth, request("OPTIONS", 1));
}

TEST_F(LaneStreamsTest, RefusesClientsBeyondTheLimitOfAll) {
  start({}, {.connections_max = 1});
  const auto first = connect();
  const auto second = test::connect_plain(address_);
  ASSERT_TRUE(run_until([&] { return counters().refused[RefusedReason::Full].value() == 1; }));
  EXPECT_EQ(test::ending_of(second.get()), ECONNRESET);
  // Servers are no clients.
  PlainListener server(Family::V4);
  const auto end = open(server);
}

TEST_F(LaneStreamsTest, RefusesClientsWhenTheLoopIsFull) {
  descriptors_max_ = 2;
  start();
  const auto first = connect();
  const auto second = test::connect_plain(address_);
  ASSERT_TRUE(run_until([&] { return counters().refused[RefusedReason::NoChannel].value() == 1; }));
  EXPECT_EQ(census_->accepted(), 1U);
  const PlainListener server(Family::V4);
  EXPECT_EQ(send(to(server.address()), request("OPTIONS", 1)), SendStatus::Unreachable);
}

TEST_F(LaneStreamsTest, AcceptsSomeEachTickUntilNoneWaits) {
  start();
  std::vector<net::FileDescriptor> clients;
  for (int i = 0; i < 70; ++i) clients.push_back(test::connect_plain(address_));
  tick();
  EXPECT_EQ(counters().begun[Direction::Accepted].value(), 64U);
  tick();
  EXPECT_EQ(counters().begun[Direction::Accepted].value(), 70U);
}

TEST_F(LaneStreamsTest, WildcardListenerSaysWhichAddressWasAskedAndLeavesFromIt) {
  start({}, {}, test::wildcard(Family::V4));
  address_ = SockAddress::v4(0x7F000002, address_.port());
  const auto client = connect();
  const Flow flow = bring(client, request("OPTIONS", 1));
  EXPECT_EQ(flow.local, SockAddress::v4(0x7F000002, 0));

  PlainListener server(Family::V4);
  Flow out = to(server.address());
  out.local = SockAddress::v4(0x7F000003, 0);
  EXPECT_EQ(send(out, request("OPTIONS", 1)), SendStatus::Queued);
  ASSERT_TRUE(run_until_begun(Direction::Opened));
  const auto end = server.accept();
  sockaddr_storage native{};
  socklen_t length = sizeof native;
  ASSERT_EQ(::getpeername(end.get(), reinterpret_cast<sockaddr*>(&native), &length), 0);
  EXPECT_TRUE(SockAddress::from(native).same_ip(out.local));
}

TEST_F(LaneStreamsTest, ReportsALoopWithoutRoom) {
  descriptors_max_ = 1;
  reserve({});
  for (const ListenerIndex listener : std::to_array<ListenerIndex>({0, 1})) {
    auto opened = net::TcpListener::open({.address = test::loopback(Family::V4)});
    ASSERT_TRUE(opened);
    ASSERT_TRUE(lane_->add_listener(listener, std::move(*opened)));
  }
  const auto started = lane_->start(*loop_, inbox_);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().sys_errno, ENOSPC);
}

TEST_F(LaneStreamsTest, GivesEverythingBackWhenItEndsInFullFlight) {
  start();
  const auto idle = connect();
  const auto unfinished = connect();
  const auto asking = connect();
  const Flow flow = bring(asking, request("OPTIONS", 1));
  ASSERT_EQ(::shutdown(asking.get(), SHUT_WR), 0);
  test::send_all(unfinished.get(), "OPTIONS sip:bob");
  ASSERT_TRUE(run_until([&] { return slots_out(*unfinished_slots_) == 1; }));
  PlainListener server(Family::V4);
  const auto end = open(server);
  const SilentPort silent;
  LatePort refusing;
  EXPECT_EQ(send(to(refusing.address()), request("OPTIONS", 1)), SendStatus::Queued);
  ASSERT_TRUE(run_until([&] { return inbox_.unsent.size() == 1; }));
  tick();
  for (const SockAddress& remote : {server.address(), silent.address(), refusing.address()}) {
    EXPECT_EQ(send(to(remote), request("OPTIONS", 2)), SendStatus::Queued);
  }
  EXPECT_EQ(send(flow, response(100, 1)), SendStatus::Queued);
  EXPECT_EQ(slots_out(*send_slots_), 4U);
  EXPECT_EQ(connections(), 4U);

  lane_.reset();
  EXPECT_EQ(slots_out(*send_slots_), 0U);
  EXPECT_EQ(slots_out(*unfinished_slots_), 0U);
  EXPECT_EQ(census_->accepted(), 0U);
  EXPECT_FALSE(census_->is_alive(flow.connection));
  EXPECT_EQ(test::ending_of(idle.get()), 0);
  EXPECT_EQ(inbox_.unsent.size(), 1U);
  loop_->dispatch(loop_->wait(Instant{}));
}

// Clients, servers and the lane do whatever comes to their mind.
class Crowd {
 public:
  explicit Crowd(uint64_t seed) : random_(seed) {}

  size_t draw(size_t below) { return random_() % below; }
  net::FileDescriptor* any() { return ends_.empty() ? nullptr : &ends_[draw(ends_.size())]; }
  void add(net::FileDescriptor fd) {
    if (fd.is_open()) ends_.push_back(std::move(fd));
  }
  void speak(const net::FileDescriptor& end) {
    const std::array<std::string, 6> texts = {
        request("OPTIONS", 1),       request("ACK", 1, 3000),  response(200, 1),
        request("INVITE", 1, 20000), "OPTIONS sip:unfinished", "INVITE sip:bob SIP/2.0\r\n\r\n"};
    const std::string& text = texts[draw(texts.size())];
    static_cast<void>(::send(end.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  }
  void listen(const net::FileDescriptor& end) {
    std::array<char, 65536> room;
    static_cast<void>(::recv(end.get(), room.data(), room.size(), MSG_DONTWAIT));
  }
  void leave(net::FileDescriptor& end) {
    if (draw(2) == 0) {
      test::reset(end);
    } else {
      end = net::FileDescriptor();
    }
    std::erase_if(ends_, [](const net::FileDescriptor& fd) { return !fd.is_open(); });
  }

 private:
  std::mt19937_64 random_;
  std::vector<net::FileDescriptor> ends_;
};

TEST_F(LaneStreamsTest, ConservesWhatItIsGivenWhateverHappens) {
  send_slots_options_ = {.small_count = 64, .medium_count = 8, .large_count = 4};
  unfinished_slots_options_ = {.small_count = 4, .medium_count = 2, .large_count = 1};
  start({.channels = 20,
         .queue_entries = 60,
         .channel_entries = 40,
         .timers = {.connect = 30ms,
                    .first_octet = 40ms,
                    .message = 20ms,
                    .idle = 60ms,
                    .stalled = 20ms,
                    .queued = 15ms}});
  constexpr uint64_t kSeed = 42;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  Crowd crowd(kSeed);
  std::vector<PlainListener> servers;
  for (int i = 0; i < 4; ++i) servers.emplace_back(Family::V4);
  const LatePort refusing;
  uint64_t queued = 0;
  const auto say = [&](const Flow& flow) {
    const auto text =
        crowd.draw(2) == 0 ? response(200, 1) : request("NOTIFY", 1, crowd.draw(9000));
    queued += send(flow, text, static_cast<uint8_t>(crowd.draw(64))) == SendStatus::Queued ? 1 : 0;
  };
  inbox_.answer = [&](const Inbound& inbound) { say(inbound.flow); };
  inbox_.retry = [&](const Flow& flow) {
    say(crowd.draw(2) == 0 ? flow : to(servers[0].address()));
  };

  for (int step = 0; step < 6000; ++step) {
    net::FileDescriptor* const end = crowd.any();
    PlainListener& server = servers[crowd.draw(servers.size())];
    switch (crowd.draw(10)) {
      case 0: crowd.add(test::connect_plain(address_)); break;
      case 1: crowd.add(server.take()); break;
      case 2: say(to(server.address())); break;
      case 3: say(to(refusing.address())); break;
      case 4:
        if (!inbox_.flows.empty()) say(inbox_.flows[crowd.draw(inbox_.flows.size())]);
        break;
      case 5:
        if (end != nullptr && crowd.draw(4) == 0) crowd.leave(*end);
        break;
      case 6:
        if (end != nullptr && crowd.draw(4) == 0) ::shutdown(end->get(), SHUT_WR);
        break;
      case 7:
        if (end != nullptr) crowd.listen(*end);
        break;
      default:
        if (end != nullptr) crowd.speak(*end);
        break;
    }
    if (crowd.draw(3) == 0) tick();
    ASSERT_LE(connections(), 20U);
    ASSERT_EQ(queued, counters().sent_messages.value() + counters().unsent.value() +
                          counters().queue_depth.value());
    ASSERT_EQ(counters().begun.sum() - connections(),
              counters().ended.sum() - counters().ended[EndReason::Refused].value() -
                  counters().ended[EndReason::Connect].value());
    ASSERT_GE(census_->accepted(), counters().connections[Direction::Accepted].value());
  }
  EXPECT_GT(counters().begun[Direction::Accepted].value(), 20U);
  EXPECT_GT(counters().begun[Direction::Opened].value(), 4U);
  inbox_.answer = nullptr;
  inbox_.retry = nullptr;
  ASSERT_TRUE(run_until([&] { return counters().queue_depth.value() == 0; }));
  EXPECT_EQ(queued, counters().sent_messages.value() + counters().unsent.value());
  EXPECT_EQ(slots_out(*send_slots_), 0U);
}

TEST_F(LaneStreamsTest, NamesItsReasons) {
  EXPECT_EQ(name(EndReason::Peer), "peer");
  EXPECT_EQ(name(EndReason::NoSlot), "no_slot");
  EXPECT_EQ(name(EndReason::Stop), "stop");
  EXPECT_EQ(name(RefusedReason::Full), "full");
  EXPECT_EQ(name(RefusedReason::NoDescriptor), "no_descriptor");
  EXPECT_EQ(name(Direction::Accepted), "accepted");
  EXPECT_EQ(name(Direction::Opened), "opened");
}

TEST_F(LaneStreamsTest, MemoryGrowsWithItsChannels) {
  const size_t one = LaneStreams::memory_octets({.channels = 1024});
  EXPECT_GT(LaneStreams::memory_octets({.channels = 2048}), one + 1024 * 100);
}

}  // namespace
}  // namespace siplb::transport
