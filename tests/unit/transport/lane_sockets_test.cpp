#include "transport/lane_sockets.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/alloc_guard.h"
#include "net/datagram_batch.h"
#include "net/event_loop.h"
#include "sip/quote.h"
#include "support/loopback.h"
#include "support/send_room.h"

namespace siplb::transport {
namespace {

using namespace std::chrono_literals;
using Family = SockAddress::Family;
using test::numbered;
using test::Peer;
using test::RefusingPort;

struct Undelivered {
  std::string quote;
  SockAddress destination;
  bool operator==(const Undelivered&) const = default;
};

// Keeps what arrived, and what did not.
class Inbox : public Receiver {
 public:
  void on_batch(std::span<Inbound> batch, Instant now) override {
    heard_at = now;
    batch_sizes.push_back(batch.size());
    for (const Inbound& inbound : batch) {
      texts.emplace_back(inbound.octets.begin(), inbound.octets.end());
      flows.push_back(inbound.flow);
    }
  }
  void on_undelivered(std::string_view quote, const SockAddress& destination) override {
    undelivered.push_back({std::string(quote), destination});
  }

  std::vector<Undelivered> undelivered;
  std::vector<std::string> texts;
  std::vector<Flow> flows;
  std::vector<size_t> batch_sizes;
  Instant heard_at;
};

class LaneSocketsTest : public testing::TestWithParam<Family> {
 protected:
  static constexpr ListenerIndex kListener = 3;

  void SetUp() override {
    if (GetParam() == Family::V6 && !test::has_ipv6_loopback()) {
      GTEST_SKIP() << "this host has no IPv6 loopback address";
    }
    test::send_room.reset();
    loop_ = std::move(*net::EventLoop::create(8));
    batch_ = std::move(*net::DatagramBatch::reserve({.datagrams_max = 4, .octets_max = 4096}));
    slots_ =
        std::move(*MessageSlots::reserve({.small_count = 64, .medium_count = 4, .large_count = 2}));
  }
  void TearDown() override { test::send_room.reset(); }

  void start(const LaneSocketsOptions& options, uint32_t receive_buffer_bytes = 0) {
    lane_.emplace(*batch_, *slots_, options);
    auto socket = net::UdpSocket::open(
        {.address = test::loopback(GetParam()), .receive_buffer_bytes = receive_buffer_bytes});
    ASSERT_TRUE(socket);
    ASSERT_TRUE(lane_->add_socket(kListener, std::move(*socket)));
    ASSERT_TRUE(lane_->start(*loop_, inbox_));
  }

  void add_socket(const SockAddress& address, ListenerIndex listener) {
    auto socket = net::UdpSocket::open({.address = address});
    ASSERT_TRUE(socket);
    ASSERT_TRUE(lane_->add_socket(listener, std::move(*socket)));
  }

  // One tick that does not sleep.
  void tick() {
    loop_->dispatch(loop_->wait(Instant{}));
    lane_->flush();
  }

  Flow to(const SockAddress& remote) const { return {.remote = remote, .listener = kListener}; }
  SendStatus send(const SockAddress& remote, std::string_view text) {
    return lane_->send(to(remote), {&text, 1});
  }
  SockAddress address() const { return lane_->address(kListener); }
  const LaneSocketCounters& counters() const { return lane_->counters(); }
  size_t slots_out() const { return slots_->pool(SlotClass::Small).counters().used.value(); }

  // Whatever was queued was sent, was skipped, or is in the queue.
  void expect_conserved() const {
    EXPECT_EQ(counters().send_status[SendStatus::Queued].value(),
              counters().sent_datagrams.value() + counters().send_errors.sum() +
                  counters().queue_depth.value());
  }

  std::unique_ptr<net::EventLoop> loop_;
  std::unique_ptr<net::DatagramBatch> batch_;
  std::unique_ptr<MessageSlots> slots_;
  Inbox inbox_;
  std::optional<LaneSockets> lane_;
};

INSTANTIATE_TEST_SUITE_P(Loopback, LaneSocketsTest, testing::Values(Family::V4, Family::V6),
                         [](const auto& family) {
                           return family.param == Family::V4 ? "Ipv4" : "Ipv6";
                         });

TEST_P(LaneSocketsTest, DeliversWhatArrivesWithItsFlow) {
  start({});
  Peer peer(GetParam());
  peer.send(address(), "OPTIONS");
  peer.send(address(), "");
  const Instant now = loop_->wait(std::nullopt);
  loop_->dispatch(now);
  EXPECT_EQ(inbox_.texts, (std::vector<std::string>{"OPTIONS", ""}));
  EXPECT_EQ(inbox_.flows[0], to(peer.address()));
  EXPECT_EQ(inbox_.heard_at, now);
  EXPECT_EQ(counters().received_datagrams.value(), 2U);
  EXPECT_EQ(counters().received_octets.value(), 7U);
}

TEST_P(LaneSocketsTest, ASocketThatComesLaterIsReadOnceItListens) {
  constexpr ListenerIndex kLater = kListener + 1;
  start({});
  add_socket(test::loopback(GetParam()), kLater);
  Peer peer(GetParam());
  const std::string_view text = "out";
  EXPECT_EQ(lane_->send({.remote = peer.address(), .listener = kLater}, {&text, 1}),
            SendStatus::Queued);
  peer.send(lane_->address(kLater), "in");
  tick();
  EXPECT_EQ(peer.receive(1), std::vector<std::string>{"out"});
  EXPECT_TRUE(inbox_.texts.empty());
  lane_->listen(kLater);
  tick();
  EXPECT_EQ(inbox_.texts, std::vector<std::string>{"in"});
}

TEST_P(LaneSocketsTest, ASocketThatGoesHasReadAndSentWhatWaited) {
  start({});
  Peer peer(GetParam());
  peer.send(address(), "in");
  EXPECT_EQ(send(peer.address(), "out"), SendStatus::Queued);
  const SockAddress was = address();
  auto removed = lane_->remove_socket(kListener, loop_->now());
  EXPECT_EQ(inbox_.texts, std::vector<std::string>{"in"});
  EXPECT_EQ(peer.receive(1), std::vector<std::string>{"out"});
  EXPECT_EQ(slots_out(), 0U);
  expect_conserved();
  EXPECT_FALSE(lane_->has_socket(kListener));
  EXPECT_EQ(lane_->socket(kListener), nullptr);
  EXPECT_EQ(send(peer.address(), "late"), SendStatus::NoSocket);
  EXPECT_FALSE(net::UdpSocket::open({.address = was}));
  removed.reset();
  EXPECT_TRUE(net::UdpSocket::open({.address = was}));
  EXPECT_EQ(lane_->remove_socket(kListener, loop_->now()), nullptr);
}

TEST_P(LaneSocketsTest, ASocketThatGoesBeforeItListensLeavesWhatWaited) {
  constexpr ListenerIndex kLater = kListener + 1;
  start({});
  add_socket(test::loopback(GetParam()), kLater);
  Peer peer(GetParam());
  peer.send(lane_->address(kLater), "in");
  lane_->drain(kLater, loop_->now());
  static_cast<void>(lane_->remove_socket(kLater, loop_->now()));
  EXPECT_TRUE(inbox_.texts.empty());
}

TEST_P(LaneSocketsTest, WhatASocketHasCountedOutlivesIt) {
  start({});
  const uint64_t granted = lane_->socket_counters(kListener).granted_receive_bytes.value();
  EXPECT_GT(granted, 0U);
  static_cast<void>(lane_->remove_socket(kListener, loop_->now()));
  EXPECT_EQ(lane_->socket_counters(kListener).granted_receive_bytes.value(), granted);
}

TEST_P(LaneSocketsTest, StopsAtItsBudgetAndGoesOnNextTick) {
  start({.receive_budget = 8});
  Peer peer(GetParam());
  const auto sent = numbered(18);
  for (const auto& text : sent) peer.send(address(), text);
  loop_->dispatch(loop_->wait(std::nullopt));
  EXPECT_EQ(inbox_.texts.size(), 8U);
  loop_->dispatch(loop_->wait(std::nullopt));
  EXPECT_EQ(inbox_.texts.size(), 16U);
  loop_->dispatch(loop_->wait(std::nullopt));
  EXPECT_EQ(inbox_.texts, sent);
  EXPECT_EQ(inbox_.batch_sizes, (std::vector<size_t>{4, 4, 4, 4, 2}));
}

TEST_P(LaneSocketsTest, CountsWhatIsLongerThanTheBuffer) {
  start({});
  Peer peer(GetParam());
  peer.send(address(), std::string(4097, 'x'));
  peer.send(address(), "short");
  tick();
  EXPECT_EQ(inbox_.texts, std::vector<std::string>{"short"});
  EXPECT_EQ(counters().received_truncated.value(), 1U);
  EXPECT_EQ(counters().received_datagrams.value(), 1U);
}

TEST_P(LaneSocketsTest, SendsThePiecesAsOneMessageAtTheFlush) {
  start({});
  Peer peer(GetParam());
  {
    const std::string gone = "INVITE ";
    const std::array<std::string_view, 3> pieces = {gone, "", "sip:bob"};
    EXPECT_EQ(lane_->send(to(peer.address()), pieces), SendStatus::Queued);
  }
  EXPECT_EQ(counters().queue_depth.value(), 1U);
  EXPECT_FALSE(peer.has_more());
  lane_->flush();
  EXPECT_EQ(peer.receive(1), std::vector<std::string>{"INVITE sip:bob"});
  EXPECT_EQ(counters().queue_depth.value(), 0U);
  EXPECT_EQ(counters().sent_octets.value(), 14U);
  EXPECT_EQ(slots_out(), 0U);
  expect_conserved();
}

TEST_P(LaneSocketsTest, SendsTheLongestMessageAndRefusesALongerOne) {
  start({});
  Peer peer(GetParam());
  const std::string longest(kUdpMessageMax, 'x');
  EXPECT_EQ(send(peer.address(), longest), SendStatus::Queued);
  EXPECT_EQ(send(peer.address(), longest + "x"), SendStatus::TooLong);
  lane_->flush();
  EXPECT_EQ(peer.receive(1), std::vector<std::string>{longest});
}

TEST_P(LaneSocketsTest, RefusesWhatNoSocketReaches) {
  start({});
  const Peer peer(GetParam());
  const auto status = [&](const Flow& flow) {
    const std::string_view text = "x";
    return lane_->send(flow, {&text, 1});
  };
  EXPECT_EQ(status({.remote = peer.address(), .listener = 0}), SendStatus::NoSocket);
  EXPECT_EQ(status({.remote = peer.address(), .listener = 200}), SendStatus::NoSocket);
  Flow stream = to(peer.address());
  stream.transport = sip::Transport::Tcp;
  EXPECT_EQ(status(stream), SendStatus::NoSocket);
  const Family other = GetParam() == Family::V4 ? Family::V6 : Family::V4;
  EXPECT_EQ(status(to(test::loopback(other).with_port(5060))), SendStatus::NoSocket);
  EXPECT_EQ(status(to(SockAddress())), SendStatus::NoSocket);
  EXPECT_EQ(counters().send_status[SendStatus::NoSocket].value(), 5U);
}

TEST_P(LaneSocketsTest, TickMaySendMoreThanTheQueueHolds) {
  start({.queue_entries = 4, .endpoint_entries = 2});
  Peer peer(GetParam());
  const auto texts = numbered(30);
  for (const auto& text : texts) EXPECT_EQ(send(peer.address(), text), SendStatus::Queued);
  lane_->flush();
  EXPECT_EQ(peer.receive(texts.size()), texts);
  EXPECT_EQ(counters().queue_high_water.value(), 2U);
  expect_conserved();
}

TEST_P(LaneSocketsTest, BlockedQueueFillsRefusesAndGoesOnInOrder) {
  start({.queue_entries = 4, .endpoint_entries = 4});
  Peer peer(GetParam());
  const auto texts = numbered(6);
  test::send_room = 1;
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(send(peer.address(), texts[i]), SendStatus::Queued);
  lane_->flush();
  EXPECT_EQ(counters().queue_depth.value(), 2U);
  for (size_t i = 3; i < 5; ++i) EXPECT_EQ(send(peer.address(), texts[i]), SendStatus::Queued);
  EXPECT_EQ(send(peer.address(), texts[5]), SendStatus::QueueFull);
  EXPECT_EQ(counters().queue_depth.value(), 4U);
  expect_conserved();

  // Two more are taken at the edge, then it blocks again.
  test::send_room = 2;
  loop_->dispatch(loop_->wait(std::nullopt));
  EXPECT_EQ(counters().queue_depth.value(), 2U);
  test::send_room.reset();
  loop_->dispatch(loop_->wait(std::nullopt));
  EXPECT_EQ(counters().queue_depth.value(), 0U);
  EXPECT_EQ(peer.receive(5), std::vector<std::string>(texts.begin(), texts.begin() + 5));
  EXPECT_EQ(counters().send_status[SendStatus::QueueFull].value(), 1U);
  expect_conserved();
  EXPECT_EQ(slots_out(), 0U);
}

TEST_P(LaneSocketsTest, SleepsOnceItsQueueIsEmptyAgain) {
  start({});
  Peer peer(GetParam());
  test::send_room = 0;
  EXPECT_EQ(send(peer.address(), "late"), SendStatus::Queued);
  lane_->flush();
  test::send_room.reset();
  tick();
  EXPECT_EQ(peer.receive(1), std::vector<std::string>{"late"});
  const uint64_t returns = loop_->epoll_returns().value();
  const Instant deadline = Clock::now() + 3ms;
  EXPECT_GE(loop_->wait(deadline), deadline);
  EXPECT_EQ(loop_->epoll_returns().value(), returns + 1);
}

TEST_P(LaneSocketsTest, SendingEndsNoSleep) {
  start({});
  Peer peer(GetParam());
  tick();
  for (const auto& text : numbered(10)) EXPECT_EQ(send(peer.address(), text), SendStatus::Queued);
  lane_->flush();
  EXPECT_EQ(peer.receive(10).size(), 10U);
  const Instant deadline = Clock::now() + 3ms;
  EXPECT_GE(loop_->wait(deadline), deadline);
}

TEST_P(LaneSocketsTest, OneEndpointCannotFillTheQueue) {
  // The seed is fixed and the ports are not: the two endpoints may share a bucket, rarely; then
  // another port is tried.
  start({.queue_entries = 8, .endpoint_entries = 2});
  Peer greedy(GetParam());
  test::send_room = 0;
  EXPECT_EQ(send(greedy.address(), "1"), SendStatus::Queued);
  EXPECT_EQ(send(greedy.address(), "2"), SendStatus::Queued);
  EXPECT_EQ(send(greedy.address(), "3"), SendStatus::EndpointFull);
  std::vector<std::unique_ptr<Peer>> others;
  SendStatus status = SendStatus::EndpointFull;
  while (status == SendStatus::EndpointFull && others.size() < 20) {
    others.push_back(std::make_unique<Peer>(GetParam()));
    status = send(others.back()->address(), "4");
  }
  EXPECT_EQ(status, SendStatus::Queued);

  test::send_room.reset();
  loop_->dispatch(loop_->wait(std::nullopt));
  EXPECT_EQ(greedy.receive(2), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(others.back()->receive(1), std::vector<std::string>{"4"});
  EXPECT_EQ(send(greedy.address(), "5"), SendStatus::Queued);
}

TEST_P(LaneSocketsTest, RefusesWhenNoSlotIsLeft) {
  slots_ =
      std::move(*MessageSlots::reserve({.small_count = 1, .medium_count = 1, .large_count = 1}));
  start({});
  Peer peer(GetParam());
  test::send_room = 0;
  EXPECT_EQ(send(peer.address(), "1"), SendStatus::Queued);
  EXPECT_EQ(send(peer.address(), "2"), SendStatus::Queued);
  EXPECT_EQ(send(peer.address(), "3"), SendStatus::NoSlot);
  EXPECT_EQ(counters().send_status[SendStatus::NoSlot].value(), 1U);
  test::send_room.reset();
  loop_->dispatch(loop_->wait(std::nullopt));
  EXPECT_EQ(send(peer.address(), "4"), SendStatus::Queued);
  expect_conserved();
}

TEST_P(LaneSocketsTest, RefusalByOnePeerCostsNoMessageToAnother) {
  start({});
  Peer peer(GetParam());
  const RefusingPort refusing(GetParam());
  const auto texts = numbered(60);
  for (const auto& text : texts) {
    EXPECT_EQ(send(refusing.address(), "to nobody"), SendStatus::Queued);
    EXPECT_EQ(send(peer.address(), text), SendStatus::Queued);
    tick();
  }
  tick();
  EXPECT_EQ(peer.receive(texts.size()), texts);
  EXPECT_GT(counters().icmp_errors[IcmpErrorKind::Refused].value(), 0U);
  EXPECT_EQ(counters().icmp_errors[IcmpErrorKind::Other].value(), 0U);
  EXPECT_EQ(counters().send_errors.sum(), 0U);
  EXPECT_EQ(counters().sent_datagrams.value(), 2 * texts.size());
}

TEST_P(LaneSocketsTest, CountsWhatTheKernelWillNotSend) {
  start({});
  Peer peer(GetParam());
  EXPECT_EQ(send(test::unsendable(GetParam()), "lost"), SendStatus::Queued);
  EXPECT_EQ(send(peer.address(), "kept"), SendStatus::Queued);
  lane_->flush();
  EXPECT_EQ(peer.receive(1), std::vector<std::string>{"kept"});
  const auto kind =
      GetParam() == Family::V6 ? SendErrorKind::Unreachable : SendErrorKind::NotPermitted;
  EXPECT_EQ(counters().send_errors[kind].value(), 1U);
  EXPECT_EQ(counters().sent_datagrams.value(), 1U);
  EXPECT_EQ(counters().sent_octets.value(), 4U);
  expect_conserved();
}

TEST_P(LaneSocketsTest, TellsWhatTheKernelWillNotSend) {
  start({});
  Peer peer(GetParam());
  const std::string longer(2000, 'x');
  EXPECT_EQ(send(test::unsendable(GetParam()), "lost"), SendStatus::Queued);
  EXPECT_EQ(send(peer.address(), "kept"), SendStatus::Queued);
  EXPECT_EQ(send(test::unsendable(GetParam()), longer), SendStatus::Queued);
  lane_->flush();
  EXPECT_EQ(inbox_.undelivered,
            (std::vector<Undelivered>{{"lost", test::unsendable(GetParam())},
                                      {longer.substr(0, 512), test::unsendable(GetParam())}}));
  lane_->flush();
  EXPECT_EQ(inbox_.undelivered.size(), 2U);
}

TEST_P(LaneSocketsTest, TellsNothingOfWhatOnlyOurHostRefuses) {
  start({});
  Peer peer(GetParam());
  for (const int error : {EMSGSIZE, ENOBUFS}) {
    EXPECT_EQ(send(peer.address(), "lost"), SendStatus::Queued);
    test::send_fault = error;
    lane_->flush();
  }
  EXPECT_EQ(counters().send_errors[SendErrorKind::TooLong].value(), 1U);
  EXPECT_EQ(counters().send_errors[SendErrorKind::NoBuffers].value(), 1U);
  EXPECT_TRUE(inbox_.undelivered.empty());
}

TEST_P(LaneSocketsTest, TellsOfAnIcmpErrorWithTheHeadOfWhatWasSent) {
  start({});
  const RefusingPort refusing(GetParam());
  const std::string head =
      "INVITE sip:bob@example.com SIP/2.0\r\n"
      "Via: SIP/2.0/UDP lb;branch=z9hG4bKslbaebagbafaydqqcikx;slb=QQQQQQQ07\r\n";
  const std::string request = head + "Subject: " + std::string(1500, 'x') + "\r\n\r\n";
  EXPECT_EQ(send(refusing.address(), request), SendStatus::Queued);
  lane_->flush();
  loop_->dispatch(loop_->wait(std::nullopt));
  ASSERT_EQ(inbox_.undelivered.size(), 1U);
  const auto& [quote, destination] = inbox_.undelivered.front();
  EXPECT_EQ(destination, refusing.address());
  EXPECT_TRUE(quote.starts_with(head)) << quote;
  EXPECT_TRUE(request.starts_with(quote)) << quote;
  const auto own = sip::read_quote(quote);
  ASSERT_TRUE(own);
  EXPECT_EQ(own->method, sip::Method::Invite);
  EXPECT_EQ(own->branch, "z9hG4bKslbaebagbafaydqqcikx");
  EXPECT_EQ(own->lane, 7);
}

TEST_P(LaneSocketsTest, TellsOfNoMoreThanItHoldsAndCountsTheRest) {
  constexpr size_t kHeld = 64;
  start({.queue_entries = 8, .endpoint_entries = 8});
  const auto texts = numbered(kHeld + 6);
  for (const auto& text : texts) {
    EXPECT_EQ(send(test::unsendable(GetParam()), text), SendStatus::Queued);
  }
  lane_->flush();
  ASSERT_EQ(inbox_.undelivered.size(), kHeld);
  EXPECT_EQ(inbox_.undelivered.back().quote, texts[kHeld - 1]);
  EXPECT_EQ(counters().send_errors.sum(), texts.size());

  EXPECT_EQ(send(test::unsendable(GetParam()), "again"), SendStatus::Queued);
  lane_->flush();
  EXPECT_EQ(inbox_.undelivered.back().quote, "again");
  EXPECT_EQ(inbox_.undelivered.size(), kHeld + 1);
}

TEST_P(LaneSocketsTest, ReadsTheKernelsQueueOnceIn100Milliseconds) {
  start({}, 4096);
  const SocketCounters& socket = lane_->socket_counters(kListener);
  EXPECT_EQ(socket.granted_receive_bytes.value(), 4096U);
  const Instant start_time = loop_->now();
  lane_->sample_kernel_queues(start_time);
  EXPECT_EQ(socket.kernel_drops.value(), 0U);

  Peer peer(GetParam());
  for (int i = 0; i < 50; ++i) peer.send(address(), std::string(1000, 'x'));
  lane_->sample_kernel_queues(start_time + 99ms);
  EXPECT_EQ(socket.kernel_drops.value(), 0U);
  lane_->sample_kernel_queues(start_time + 100ms);
  const uint64_t drops = socket.kernel_drops.value();
  EXPECT_GT(drops, 0U);
  EXPECT_GT(socket.kernel_queue_bytes.value(), 0U);

  tick();
  lane_->sample_kernel_queues(start_time + 200ms);
  EXPECT_EQ(socket.kernel_drops.value(), drops);
  EXPECT_EQ(socket.kernel_queue_bytes.value(), 0U);
  EXPECT_EQ(drops + counters().received_datagrams.value(), 50U);
}

TEST_P(LaneSocketsTest, GivesItsSlotsBackWhenItEndsWithAQueue) {
  start({});
  const Peer peer(GetParam());
  EXPECT_EQ(send(peer.address(), "never sent"), SendStatus::Queued);
  EXPECT_EQ(slots_out(), 1U);
  lane_.reset();
  EXPECT_EQ(slots_out(), 0U);
  static_cast<void>(loop_->wait(Instant{}));
  loop_->dispatch(loop_->now());
}

TEST_P(LaneSocketsTest, ReportsALoopWithoutRoom) {
  loop_ = std::move(*net::EventLoop::create(1));
  lane_.emplace(*batch_, *slots_, LaneSocketsOptions{});
  add_socket(test::loopback(GetParam()), 0);
  add_socket(test::loopback(GetParam()), 1);
  const auto started = lane_->start(*loop_, inbox_);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().sys_errno, ENOSPC);
}

// Sends back what arrives, with a piece in front: what a lane does, but without SIP.
class Echo : public Receiver {
 public:
  void on_batch(std::span<Inbound> batch, Instant) override {
    for (const Inbound& inbound : batch) {
      const std::array<std::string_view, 2> pieces = {
          "re: ", std::string_view(inbound.octets.data(), inbound.octets.size())};
      if (lane->send(inbound.flow, pieces) != SendStatus::Queued) ++refused;
    }
  }

  LaneSockets* lane = nullptr;
  size_t refused = 0;
};

// Tries another place for what was not delivered, as a proxy does, up to its last.
class Failover : public Receiver {
 public:
  void on_batch(std::span<Inbound> batch, Instant) override {
    for (const Inbound& inbound : batch) {
      send(places.front(), {inbound.octets.data(), inbound.octets.size()});
    }
  }
  void on_undelivered(std::string_view quote, const SockAddress&) override {
    EXPECT_FALSE(is_sending) << "told within a send()";
    const std::string before(quote);
    const size_t tried = static_cast<size_t>(before.front() - '0') + 1;
    if (tried < places.size()) send(places[tried], std::to_string(tried) + before.substr(1));
    EXPECT_EQ(quote, before);
  }

  void send(const SockAddress& to, std::string_view text) {
    is_sending = true;
    EXPECT_EQ(lane->send({.remote = to}, {&text, 1}), SendStatus::Queued);
    is_sending = false;
  }

  LaneSockets* lane = nullptr;
  std::vector<SockAddress> places;
  bool is_sending = false;
};

TEST_P(LaneSocketsTest, ReceiverMaySendFromWhereItIsTold) {
  Failover failover;
  Peer server(GetParam());
  const RefusingPort refusing(GetParam());
  const SockAddress lost = test::unsendable(GetParam());
  failover.places = {lost, lost, refusing.address(), server.address()};
  // The queue is full all the time, so that each send() goes on to the kernel.
  lane_.emplace(*batch_, *slots_, LaneSocketsOptions{.queue_entries = 1, .endpoint_entries = 1});
  failover.lane = &*lane_;
  add_socket(test::loopback(GetParam()), 0);
  ASSERT_TRUE(lane_->start(*loop_, failover));

  Peer client(GetParam());
  for (int i = 0; i < 8; ++i) client.send(lane_->address(0), "0 call " + std::to_string(i));
  tick();
  EXPECT_EQ(counters().send_errors.sum(), 16U);
  while (counters().icmp_errors[IcmpErrorKind::Refused].value() < 8) {
    loop_->dispatch(loop_->wait(std::nullopt));
    lane_->flush();
  }
  std::vector<std::string> calls = server.receive(8);
  std::sort(calls.begin(), calls.end());
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(calls.at(i), "3 call " + std::to_string(i));
  expect_conserved();
  EXPECT_EQ(slots_out(), 0U);
}

TEST_P(LaneSocketsTest, EachListenerAnswersFromItsOwnSocket) {
  Echo echo;
  lane_.emplace(*batch_, *slots_, LaneSocketsOptions{});
  echo.lane = &*lane_;
  add_socket(test::loopback(GetParam()), 0);
  add_socket(test::loopback(GetParam()), 1);
  ASSERT_TRUE(lane_->start(*loop_, echo));
  // A connected end takes datagrams only from the listener that it speaks to.
  Peer first(GetParam());
  Peer second(GetParam());
  first.connect(lane_->address(0));
  second.connect(lane_->address(1));
  first.send(lane_->address(0), "one");
  second.send(lane_->address(1), "two");
  tick();
  EXPECT_EQ(first.receive(1), std::vector<std::string>{"re: one"});
  EXPECT_EQ(second.receive(1), std::vector<std::string>{"re: two"});
}

TEST_P(LaneSocketsTest, WildcardAnswersFromTheAddressThatWasAsked) {
  Echo echo;
  lane_.emplace(*batch_, *slots_, LaneSocketsOptions{});
  echo.lane = &*lane_;
  add_socket(test::wildcard(GetParam()), 0);
  ASSERT_TRUE(lane_->start(*loop_, echo));
  const uint16_t port = lane_->address(0).port();
  std::vector<Peer> peers;
  for (const SockAddress& ours : test::loopbacks(GetParam())) {
    peers.emplace_back(GetParam());
    peers.back().connect(ours.with_port(port));
    peers.back().send(ours.with_port(port), "hello");
  }
  tick();
  for (Peer& peer : peers) EXPECT_EQ(peer.receive(1), std::vector<std::string>{"re: hello"});
  expect_conserved();
}

TEST_P(LaneSocketsTest, FlowOfAWildcardSaysWhichAddressWasAsked) {
  lane_.emplace(*batch_, *slots_, LaneSocketsOptions{});
  add_socket(test::wildcard(GetParam()), kListener);
  ASSERT_TRUE(lane_->start(*loop_, inbox_));
  Peer peer(GetParam());
  for (const SockAddress& ours : test::loopbacks(GetParam())) {
    peer.send(ours.with_port(address().port()), "hello");
    tick();
    Flow expected = to(peer.address());
    expected.local = ours;
    ASSERT_FALSE(inbox_.flows.empty());
    EXPECT_EQ(inbox_.flows.back(), expected);
  }
}

TEST_P(LaneSocketsTest, AddressThatHasGoneCostsOnlyItsOwnMessages) {
  lane_.emplace(*batch_, *slots_, LaneSocketsOptions{});
  add_socket(test::wildcard(GetParam()), kListener);
  ASSERT_TRUE(lane_->start(*loop_, inbox_));
  Peer peer(GetParam());
  const std::string_view lost = "lost";
  Flow gone = to(peer.address());
  gone.local = test::absent(GetParam());
  EXPECT_EQ(lane_->send(gone, {&lost, 1}), SendStatus::Queued);
  EXPECT_EQ(send(peer.address(), "kept"), SendStatus::Queued);
  lane_->flush();
  EXPECT_EQ(peer.receive(1), std::vector<std::string>{"kept"});
  EXPECT_EQ(counters().send_errors.sum(), 1U);
  EXPECT_EQ(inbox_.undelivered, (std::vector<Undelivered>{{"lost", peer.address()}}));
  expect_conserved();
}

TEST_P(LaneSocketsTest, CarriesMessagesWithoutTheHeap) {
  Peer peer(GetParam());
  Echo echo;
  lane_.emplace(*batch_, *slots_, LaneSocketsOptions{.queue_entries = 8, .endpoint_entries = 8});
  echo.lane = &*lane_;
  add_socket(test::loopback(GetParam()), 0);
  ASSERT_TRUE(lane_->start(*loop_, echo));

  for (int round = 0; round < 20; ++round) {
    for (const auto& text : numbered(10)) peer.send(lane_->address(0), text);
    const uint64_t before = AllocGuard::allocations();
    AllocGuard::arm_this_thread();
    tick();
    lane_->sample_kernel_queues(loop_->now());
    AllocGuard::disarm_this_thread();
    EXPECT_EQ(AllocGuard::allocations(), before);
    EXPECT_EQ(peer.receive(10).size(), 10U);
  }
  EXPECT_EQ(echo.refused, 0U);
}

}  // namespace
}  // namespace siplb::transport
