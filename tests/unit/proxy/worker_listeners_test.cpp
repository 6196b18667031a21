// Listeners that come and go while workers run, on real sockets.
#include <latch>
#include <thread>

#include <gtest/gtest.h>

#include "lane_fixture.h"
#include "proxy/worker.h"
#include "support/loopback.h"
#include "support/loopback_tcp.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;

constexpr auto kUdp = sip::Transport::Udp;
constexpr auto kTcp = sip::Transport::Tcp;
constexpr size_t kListenerLanes = 4;
constexpr transport::ListenerIndex kMore = 1;

// Two workers of two lanes each; every request is refused for want of a route.
class WorkerListenersTest : public testing::Test {
 protected:
  WorkerListenersTest() {
    auto sockets = open("edge");
    edge_ = sockets.address;
    around_.emplace(snapshot_of({edge_}), 2);
    for (size_t w = 0; w < 2; ++w) {
      auto worker = Worker::create({.index = w,
                                    .worker_count = 2,
                                    .lane_count = kListenerLanes,
                                    .slots = {64, 4, 4},
                                    .streams = {.channels = 8, .queue_entries = 16},
                                    .unfinished = {4, 2, 2},
                                    .mailbox = {.small_count = 64, .large_count = 4}},
                                   around_->parts(rings_[w], census_), {&sockets, 1});
      EXPECT_TRUE(worker.has_value());
      workers_.push_back(std::move(*worker));
    }
    for (const auto& worker : workers_) worker->connect(workers_);
    for (const auto& worker : workers_) {
      threads_.emplace_back([&worker] { worker->run(); });
    }
  }
  ~WorkerListenersTest() override {
    for (const auto& worker : workers_) worker->stop();
    for (std::thread& thread : threads_) thread.join();
  }

  static transport::ListenerSockets open(const std::string& name) {
    net::InheritedSockets none;
    auto sockets =
        transport::open_listener_sockets({.name = name,
                                          .address = test::loopback(SockAddress::Family::V4),
                                          .lanes = kListenerLanes,
                                          .has_udp = true,
                                          .has_tcp = true},
                                         none);
    EXPECT_TRUE(sockets.has_value());
    return std::move(*sockets);
  }

  static Snapshot snapshot_of(const std::vector<SockAddress>& listeners) {
    test::SnapshotInput input{.listeners = {}, .groups = {}, .routes = {}};
    for (const SockAddress& address : listeners) {
      input.listeners.push_back({.name = "l" + std::to_string(input.listeners.size()),
                                 .address = address,
                                 .transports = {kUdp, kTcp}});
    }
    return test::make_snapshot(input);
  }

  void perform(const std::function<void(Worker&)>& task) {
    for (const auto& worker : workers_) {
      worker->perform([&] { task(*worker); });
    }
  }

  // A listener that nothing comes by yet.
  SockAddress add_more() {
    auto sockets = open("more");
    perform([&](Worker& worker) { EXPECT_TRUE(worker.add_listener(kMore, sockets)); });
    around_->snapshots.publish(
        std::make_unique<const Snapshot>(snapshot_of({edge_, sockets.address})));
    perform([](Worker&) {});
    return sockets.address;
  }
  void listen() {
    perform([](Worker& worker) {
      for (const auto transport : {kUdp, kTcp}) worker.listen({kMore, transport});
    });
  }
  using Removed = std::vector<std::unique_ptr<net::Watched>>;
  Removed remove(sip::Transport transport) {
    perform([&](Worker& worker) { worker.drain_listener({kMore, transport}); });
    perform([](Worker&) {});
    Removed removed(kListenerLanes);
    perform([&](Worker& worker) { worker.remove_listener({kMore, transport}, removed); });
    return removed;
  }

  // Answers go to `from`, or back by the connection that it came by.
  static std::string request(int call, const SockAddress& from,
                             std::string_view transport = "UDP") {
    const std::string number = std::to_string(call);
    return SipBuilder::request(sip::Method::Options)
        .via("SIP/2.0/" + std::string(transport) + ' ' + std::string(from.text()) +
             ";branch=z9hG4bK-" + number)
        .call_id("c" + number)
        .str();
  }
  static void expect_answer(test::Peer& client) {
    const auto answers = client.receive(1);
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_TRUE(answers.front().starts_with("SIP/2.0 404 "));
  }
  // Many, from many ports, so that they come by all lanes of both workers.
  static void expect_answers(const SockAddress& address) {
    for (int call = 0; call < 16; ++call) {
      test::Peer client(SockAddress::Family::V4);
      client.send(address, request(call, client.address()));
      expect_answer(client);
    }
  }

  EventBell bell_;
  std::array<EventRing, 2> rings_{EventRing{bell_}, EventRing{bell_}};
  transport::ConnectionCensus census_{{.lanes = kListenerLanes, .channels = 8}};
  SockAddress edge_;
  std::optional<test::SharedSurroundings> around_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
};

TEST_F(WorkerListenersTest, PerformsATaskOnItsOwnThreadAndWaitsForIt) {
  std::vector<std::thread::id> where;
  perform([&](Worker&) { where.push_back(std::this_thread::get_id()); });
  EXPECT_EQ(where, (std::vector{threads_[0].get_id(), threads_[1].get_id()}));
}

TEST_F(WorkerListenersTest, WhoHasPerformedATaskGoesByWhatWasPublishedBefore) {
  const Snapshot& first = around_->snapshots.newest();
  perform([](Worker&) {});
  EXPECT_TRUE(around_->snapshots.is_seen_by_all());
  around_->snapshots.publish(std::make_unique<const Snapshot>(snapshot_of({edge_})));
  EXPECT_NE(&first, &around_->snapshots.newest());
  perform([](Worker&) {});
  EXPECT_TRUE(around_->snapshots.is_seen_by_all());
}

TEST_F(WorkerListenersTest, NothingComesByAListenerBeforeAllListen) {
  const SockAddress more = add_more();
  test::Peer client(SockAddress::Family::V4);
  client.send(more, request(1, client.address()));
  expect_answers(edge_);
  EXPECT_FALSE(client.has_more());
  listen();
  expect_answer(client);
  expect_answers(more);
  expect_answers(edge_);
}

TEST_F(WorkerListenersTest, AListenerThatGoesFreesItsPortAndTheOthersStay) {
  const SockAddress more = add_more();
  listen();
  expect_answers(more);
  auto datagrams = remove(kUdp);
  auto streams = remove(kTcp);
  EXPECT_FALSE(net::UdpSocket::open({.address = more}));
  datagrams.clear();
  streams.clear();
  EXPECT_TRUE(net::UdpSocket::open({.address = more}));
  expect_answers(edge_);
}

TEST_F(WorkerListenersTest, AListenerMayComeToAPlaceThatWasLeft) {
  add_more();
  listen();
  remove(kUdp);
  remove(kTcp);
  const SockAddress again = add_more();
  listen();
  expect_answers(again);
}

TEST_F(WorkerListenersTest, WhatIsNotThereIsRemovedAsNothing) {
  for (const auto& each : remove(kUdp)) EXPECT_EQ(each, nullptr);
  for (const auto& each : remove(kTcp)) EXPECT_EQ(each, nullptr);
}

TEST_F(WorkerListenersTest, ConnectionsOutliveTheirListener) {
  const SockAddress more = add_more();
  listen();
  const auto client = test::connect_plain(more);
  const std::string expected = "SIP/2.0 404 ";
  test::send_all(client.get(), request(1, test::address_of(client.get()), "TCP"));
  EXPECT_EQ(test::receive(client.get(), expected.size()), expected);
  remove(kUdp);
  remove(kTcp);
  test::send_all(client.get(), request(2, test::address_of(client.get()), "TCP"));
  std::string rest;
  while (rest.find(expected) == std::string::npos) {
    const std::string octets = test::receive(client.get(), 1);
    ASSERT_FALSE(octets.empty());
    rest += octets;
  }
}

// Nothing that was sent to a listener before it went is lost, if it had arrived.
TEST_F(WorkerListenersTest, WhatWaitedForAListenerThatGoesIsTaken) {
  const SockAddress more = add_more();
  listen();
  test::Peer client(SockAddress::Family::V4);
  client.send(more, request(1, client.address()));
  remove(kUdp);
  expect_answer(client);
}

}  // namespace
}  // namespace siplb::proxy
