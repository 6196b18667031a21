// What comes and goes by the connections of a lane, and what time does to them; see
// lane_streams_test.cpp for how they begin and end.
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/alloc_guard.h"
#include "stream_fixture.h"
#include "transport/lane_streams.h"

namespace siplb::transport {
namespace {

using namespace std::chrono_literals;
using Family = SockAddress::Family;
using sip::FrameFault;
using test::joined;
using test::PlainListener;
using test::request;
using test::requests;
using test::response;

constexpr std::string_view kOwnBranch = "z9hG4bKslbaebagbafaydqqcikx";

// As we send it, with our Via.
std::string own_request(std::string_view method) {
  return std::string(method) +
         " sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/TCP lb;branch=" + std::string(kOwnBranch) +
         ";slb=QQQQQQQ07\r\nContent-Length: 0\r\n\r\n";
}

class LaneStreamsIoTest : public test::StreamFixture {
 protected:
  // Answers each request at once, with a response of so many octets of body.
  void answer_all(size_t body_length = 0) {
    inbox_.answer = [this,
                     text = "SIP/2.0 200 OK\r\nContent-Length: " + std::to_string(body_length) +
                            "\r\n\r\n" + std::string(body_length, 'b')](const Inbound& inbound) {
      answers_[send(inbound.flow, text)].add();
    };
  }

  // Turns until `client` has taken so many octets; returns how many it has.
  [[nodiscard]] size_t drain(const net::FileDescriptor& client, size_t octets) {
    size_t taken = 0;
    static_cast<void>(run_until([&] {
      std::array<char, 65536> room;
      const ssize_t length =
          ::recv(client.get(), room.data(), std::min(room.size(), octets - taken), MSG_DONTWAIT);
      if (length > 0) taken += static_cast<size_t>(length);
      return taken == octets;
    }));
    return taken;
  }

  CounterArray<SendStatus> answers_;
};

TEST_F(LaneStreamsIoTest, ReadsLessOfEachTheMoreThereAre) {
  start();
  const std::string text(size_t{200} * 1024, '\n');  // of which nothing is kept
  std::vector<net::FileDescriptor> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(connect());
  const auto fill = [&] {
    for (const auto& client : clients) {
      static_cast<void>(::send(client.get(), text.data(), text.size(), MSG_DONTWAIT));
    }
  };
  fill();
  tick();
  const uint64_t before = counters().received_octets.value();
  fill();
  tick();
  const uint64_t brought = counters().received_octets.value() - before;
  EXPECT_GT(brought, size_t{512} * 1024);
  EXPECT_LE(brought, size_t{1024} * 1024);
}

TEST_F(LaneStreamsIoTest, MessagesOfOneWriteArriveAsOneBatch) {
  start();
  const auto client = connect();
  const auto sent = requests(3);
  test::send_all(client.get(), joined(sent));
  ASSERT_TRUE(run_until_arrived(3));
  EXPECT_EQ(inbox_.texts, sent);
  EXPECT_EQ(inbox_.batch_sizes, std::vector<size_t>{3});
}

TEST_F(LaneStreamsIoTest, BatchesAreBounded) {
  start();
  const auto client = connect();
  const auto sent = requests(70);
  test::send_all(client.get(), joined(sent));
  ASSERT_TRUE(run_until_arrived(70));
  EXPECT_EQ(inbox_.texts, sent);
  EXPECT_EQ(inbox_.batch_sizes, (std::vector<size_t>{32, 32, 6}));
}

TEST_F(LaneStreamsIoTest, MessagesArriveOctetByOctet) {
  start();
  const auto client = connect();
  const std::vector<std::string> sent = {request("OPTIONS", 1, 3), request("OPTIONS", 2)};
  for (const char octet : joined(sent)) {
    const uint64_t before = counters().received_octets.value();
    test::send_all(client.get(), {&octet, 1});
    ASSERT_TRUE(run_until([&] { return counters().received_octets.value() > before; }));
  }
  EXPECT_EQ(inbox_.texts, sent);
  EXPECT_EQ(slots_out(*unfinished_slots_), 0U);
}

TEST_F(LaneStreamsIoTest, GreedyConnectionLeavesItsTickToOthers) {
  start({.read_budget = 1});
  const auto greedy = connect();
  const auto modest = connect();
  const auto much = requests(10, 20000);
  test::send_all(greedy.get(), joined(much));
  test::send_all(modest.get(), request("BYE", 1));
  ASSERT_TRUE(run_until_arrived(1));
  tick();
  EXPECT_NE(std::find(inbox_.texts.begin(), inbox_.texts.end(), request("BYE", 1)),
            inbox_.texts.end());
  EXPECT_LE(inbox_.texts.size(), 8U);
  // What it left is read without another edge.
  ASSERT_TRUE(run_until_arrived(11));
  EXPECT_EQ(counters().received_octets.value(), joined(much).size() + request("BYE", 1).size());
}

TEST_F(LaneStreamsIoTest, EndBehindMoreThanATickReadsIsSeen) {
  start({.read_budget = 1});
  auto client = connect();
  std::string much;
  for (int i = 0; i < 10; ++i) much += request("ACK", i, 20000);
  test::send_all(client.get(), much);
  client = net::FileDescriptor();
  ASSERT_TRUE(run_until_ended(EndReason::Peer));
  EXPECT_EQ(inbox_.texts.size(), 10U);
}

TEST_F(LaneStreamsIoTest, AnswersPings) {
  start();
  const auto client = connect();
  test::send_all(client.get(), "\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return counters().pings.value() == 1; }));
  EXPECT_EQ(test::receive(client.get(), 2), "\r\n");
  EXPECT_EQ(counters().sent_messages.value(), 0U);
  EXPECT_EQ(counters().sent_octets.value(), 2U);
  EXPECT_EQ(slots_out(*send_slots_), 0U);
}

TEST_F(LaneStreamsIoTest, AnswersASplitPingBetweenMessages) {
  start();
  const auto client = connect();
  bring(client, request("OPTIONS", 1) + "\r\n\r");
  EXPECT_EQ(counters().pings.value(), 0U);
  bring(client, "\n" + request("OPTIONS", 2));
  EXPECT_EQ(counters().pings.value(), 1U);
  EXPECT_EQ(test::receive(client.get(), 2), "\r\n");
}

TEST_F(LaneStreamsIoTest, ManyPingsAtOnceGetOneAnswer) {
  start();
  answer_all();
  const auto client = connect();
  std::string pings;
  for (int i = 0; i < 1000; ++i) pings += "\r\n\r\n";
  test::send_all(client.get(), pings);
  ASSERT_TRUE(run_until([&] { return counters().pings.value() == 1000; }));
  EXPECT_EQ(counters().sent_octets.value(), 2U);
}

TEST_F(LaneStreamsIoTest, UnsentPongIsNoMessage) {
  start();
  auto client = connect();
  test::send_all(client.get(), "\r\n\r\n");
  test::reset(client);
  ASSERT_TRUE(run_until_ended(EndReason::Failed));
  EXPECT_TRUE(inbox_.unsent.empty());
  EXPECT_EQ(counters().unsent.value(), 0U);
}

TEST_F(LaneStreamsIoTest, FaultyHeadIsAnsweredThenTheConnectionIsClosedInGoodOrder) {
  start();
  inbox_.answer = [&](const Inbound& inbound) {
    EXPECT_EQ(send(inbound.flow, response(513, 1)), SendStatus::Queued);
  };
  auto client = connect();
  const std::string head = "INVITE sip:bob SIP/2.0\r\nContent-Length: 999999999\r\n\r\n";
  test::send_all(client.get(), head + std::string(150000, 'x'));
  ASSERT_TRUE(run_until_arrived(1));
  tick();
  EXPECT_EQ(inbox_.texts, std::vector<std::string>{head});
  EXPECT_EQ(inbox_.faults, std::vector<FrameFault>{FrameFault::MessageTooLong});
  EXPECT_EQ(counters().frame_faults[FrameFault::MessageTooLong].value(), 1U);
  EXPECT_EQ(test::receive(client.get(), response(513, 1).size()), response(513, 1));
  // A reset may have cost the client its answer.
  EXPECT_EQ(test::ending_of(client.get()), 0);
  EXPECT_EQ(send(inbox_.flows.front(), response(513, 1)), SendStatus::Gone);
  const Instant answered = loop_->now();
  client = net::FileDescriptor();
  ASSERT_TRUE(run_until_ended(EndReason::Framing));
  EXPECT_LT(loop_->now(), answered + 400ms);
  EXPECT_EQ(connections(), 0U);
}

TEST_F(LaneStreamsIoTest, FaultyClientThatDoesNotCloseIsClosed) {
  start();
  inbox_.answer = [&](const Inbound& inbound) {
    EXPECT_EQ(send(inbound.flow, response(400, 1)), SendStatus::Queued);
  };
  const auto client = connect();
  test::send_all(client.get(), "INVITE sip:bob SIP/2.0\r\n\r\n");
  ASSERT_TRUE(run_until_ended(EndReason::Framing));
  EXPECT_EQ(connections(), 0U);
}

TEST_F(LaneStreamsIoTest, WhatIsNoSipIsClosedWithoutAnAnswer) {
  start();
  const auto client = connect();
  test::send_all(client.get(), "GET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(run_until_ended(EndReason::Framing));
  EXPECT_TRUE(inbox_.texts.empty());
  EXPECT_EQ(test::ending_of(client.get()), 0);
}

TEST_F(LaneStreamsIoTest, FaultThatNobodyAnswersIsClosedInTime) {
  StreamOptions options;
  options.timers.message = 20ms;
  start(options);
  const auto client = connect();
  test::send_all(client.get(), "INVITE sip:bob SIP/2.0\r\n\r\n");
  ASSERT_TRUE(run_until_arrived(1));
  EXPECT_EQ(connections(), 1U);
  const Instant begun = loop_->now();
  ASSERT_TRUE(run_until_ended(EndReason::Framing));
  EXPECT_GE(loop_->now(), begun + 20ms);
}

TEST_F(LaneStreamsIoTest, EndsWhatHasNoSlotForItsBeginning) {
  unfinished_slots_options_ = {.small_count = 1, .medium_count = 1, .large_count = 1};
  start();
  std::vector<net::FileDescriptor> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(connect());
    test::send_all(clients.back().get(), "OPTIONS");
    tick();
  }
  ASSERT_TRUE(run_until_ended(EndReason::NoSlot));
  EXPECT_EQ(connections(), 2U);
  EXPECT_EQ(slots_out(*unfinished_slots_), 2U);
  bring(clients[0], request("OPTIONS", 1).substr(7));
  EXPECT_EQ(slots_out(*unfinished_slots_), 1U);
}

TEST_F(LaneStreamsIoTest, PeerThatDoesNotReadFillsOnlyItsQueueAndIsClosed) {
  StreamOptions options;
  options.timers.stalled = 100ms;
  start(options);
  const auto stuck = connect();
  const auto other = connect();
  const Flow stuck_flow = bring(stuck, request("OPTIONS", 1));
  const Flow other_flow = bring(other, request("OPTIONS", 2));
  const size_t sent = send_until_full(stuck_flow, request("NOTIFY", 1, 1000));
  EXPECT_LE(slots_out(*send_slots_), 64U);
  EXPECT_EQ(counters().queue_depth.value(), slots_out(*send_slots_));
  const size_t depth = counters().queue_depth.value();

  EXPECT_EQ(send(other_flow, response(200, 2)), SendStatus::Queued);
  tick();
  EXPECT_EQ(test::receive(other.get(), response(200, 2).size()), response(200, 2));

  ASSERT_TRUE(run_until_ended(EndReason::Stalled));
  EXPECT_EQ(inbox_.unsent.size(), depth);
  EXPECT_EQ(counters().sent_messages.value() + inbox_.unsent.size(), sent + 1);
  EXPECT_EQ(inbox_.disconnected.size(), 1U);
  EXPECT_EQ(connections(), 1U);
  EXPECT_EQ(slots_out(*send_slots_), 0U);
}

TEST_F(LaneStreamsIoTest, WhatWaitedIsWrittenWholeOnceThePeerReads) {
  start();
  const auto slow = connect();
  const Flow flow = bring(slow, request("OPTIONS", 1));
  const std::string text = request("NOTIFY", 1, 1000);
  const size_t sent = send_until_full(flow, text);
  EXPECT_GT(counters().queue_depth.value(), 0U);
  std::string expected;
  for (size_t i = 0; i < sent; ++i) expected += text;
  std::string got;
  ASSERT_TRUE(run_until([&] {
    std::array<char, 65536> room;
    const ssize_t length = ::recv(slow.get(), room.data(), room.size(), MSG_DONTWAIT);
    if (length > 0) got.append(room.data(), static_cast<size_t>(length));
    return got.size() >= expected.size();
  }));
  EXPECT_EQ(got, expected);
  EXPECT_EQ(counters().queue_depth.value(), 0U);
  EXPECT_EQ(counters().sent_messages.value(), sent);
  EXPECT_EQ(send(flow, text), SendStatus::Queued);
}

TEST_F(LaneStreamsIoTest, ClientThatTakesNothingIsNotReadUntilItHasTakenAll) {
  start();
  const auto slow = connect();
  const Flow flow = bring(slow, request("OPTIONS", 1));
  const std::string text = request("NOTIFY", 1, 1000);
  const size_t sent = send_until_full(flow, text);
  const uint64_t heard = counters().received_octets.value();
  for (int i = 2; i < 5; ++i) {
    test::send_all(slow.get(), request("OPTIONS", i) + "\r\n\r\n");
    tick();
  }
  EXPECT_EQ(counters().received_octets.value(), heard);
  EXPECT_EQ(counters().paused.value(), 1U);
  // What it sent meanwhile brings no further edge.
  EXPECT_EQ(drain(slow, sent * text.size()), sent * text.size());
  ASSERT_TRUE(run_until_arrived(4));
  EXPECT_EQ(inbox_.texts.back(), request("OPTIONS", 4));
  EXPECT_EQ(test::receive(slow.get(), 2), "\r\n");
  EXPECT_EQ(counters().paused.value(), 1U);
}

TEST_F(LaneStreamsIoTest, PausedClientIsNotPunishedForWhatIsNotRead) {
  StreamOptions options;
  options.timers.message = 30ms;
  options.timers.idle = 40ms;
  options.timers.stalled = 10s;
  start(options);
  const auto slow = connect();
  const Flow flow = bring(slow, request("OPTIONS", 1));
  test::send_all(slow.get(), request("OPTIONS", 2).substr(0, 20));
  ASSERT_TRUE(run_until([&] { return slots_out(*unfinished_slots_) == 1; }));
  const std::string text = request("NOTIFY", 1, 1000);
  const size_t sent = send_until_full(flow, text);
  test::send_all(slow.get(), request("OPTIONS", 2).substr(20));
  const Instant begin = Clock::now();
  ASSERT_TRUE(run_until([&] { return Clock::now() >= begin + 100ms; }));
  EXPECT_EQ(counters().ended.sum(), 0U);
  EXPECT_EQ(drain(slow, sent * text.size()), sent * text.size());
  ASSERT_TRUE(run_until_arrived(2));
  EXPECT_EQ(inbox_.texts.back(), request("OPTIONS", 2));
}

TEST_F(LaneStreamsIoTest, ServerThatTakesNothingIsStillRead) {
  start();
  PlainListener listener(Family::V4);
  const auto server = open(listener);
  send_until_full(to(listener.address()), request("NOTIFY", 1, 1000));
  bring(server, response(200, 7));
  EXPECT_EQ(inbox_.texts.back(), response(200, 7));
  EXPECT_EQ(counters().paused.value(), 0U);
}

TEST_F(LaneStreamsIoTest, ResetOfAPausedClientIsSeenAtOnce) {
  start();
  auto slow = connect();
  const Flow flow = bring(slow, request("OPTIONS", 1));
  send_until_full(flow, request("NOTIFY", 1, 1000));
  test::send_all(slow.get(), request("OPTIONS", 2));
  ASSERT_TRUE(run_until([&] { return counters().paused.value() == 1; }));
  test::reset(slow);
  ASSERT_TRUE(run_until_ended(EndReason::Failed));
}

TEST_F(LaneStreamsIoTest, WhoAsksALotBeforeReadingGetsAllAnswers) {
  start({.queue_entries = 8192});  // a 64th of the slots is what counts
  answer_all(100);
  const auto client = connect();
  constexpr size_t kCount = 4000;
  ASSERT_EQ(::fcntl(client.get(), F_SETFL, O_NONBLOCK), 0);
  const std::string asked = joined(requests(kCount, 60));
  size_t asked_octets = 0;
  const auto ask = [&] {
    const std::string_view rest = std::string_view(asked).substr(asked_octets);
    const ssize_t length = ::send(client.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (length > 0) asked_octets += static_cast<size_t>(length);
  };
  ASSERT_TRUE(run_until([&] {
    ask();
    return counters().paused.value() == 1;
  }));
  std::array<char, 65536> room;
  ASSERT_TRUE(run_until([&] {
    ask();
    static_cast<void>(::recv(client.get(), room.data(), room.size(), 0));
    return answers_[SendStatus::Queued].value() == kCount;
  })) << answers_[SendStatus::Queued].value()
      << " of " << answers_.sum();
}

TEST_F(LaneStreamsIoTest, HalfClosedPeerThatDoesNotReadIsClosedInTime) {
  StreamOptions options;
  options.timers.stalled = 50ms;
  start(options);
  const auto stuck = connect();
  const Flow flow = bring(stuck, request("OPTIONS", 1));
  send_until_full(flow, request("NOTIFY", 1, 1000));
  ASSERT_EQ(::shutdown(stuck.get(), SHUT_WR), 0);
  ASSERT_TRUE(run_until([&] { return connections() == 0; }));
  EXPECT_EQ(slots_out(*send_slots_), 0U);
}

TEST_F(LaneStreamsIoTest, OneTickMayBringMoreThanAQueueHoldsForAPeerThatReads) {
  StreamOptions options;
  options.channel_entries = 4;
  start(options);
  const auto client = connect();
  const Flow flow = bring(client, request("OPTIONS", 1));
  std::string expected;
  for (int i = 0; i < 40; ++i) {
    expected += response(200, i);
    EXPECT_EQ(send(flow, response(200, i)), SendStatus::Queued);
  }
  lane_->flush();
  EXPECT_EQ(test::receive(client.get(), expected.size()), expected);
}

TEST_F(LaneStreamsIoTest, AcceptedConnectionMayHoldLessThanAnOpenedOne) {
  start();
  const auto client = connect();
  const Flow accepted = bring(client, request("OPTIONS", 1));
  const SendStatus full = SendStatus::EndpointFull;
  while (send(accepted, response(100, 1)) == SendStatus::Queued) continue;  // the kernel's first
  EXPECT_EQ(send(accepted, response(100, 1)), full);
  const uint64_t held = counters().queue_depth.value();
  PlainListener server(Family::V4);
  size_t opened = 0;
  while (send(to(server.address()), request("OPTIONS", 1)) == SendStatus::Queued) ++opened;
  EXPECT_GT(opened, 4 * held);
}

TEST_F(LaneStreamsIoTest, SaysWhyAMessageIsNotQueued) {
  send_slots_options_ = {.small_count = 1, .medium_count = 1, .large_count = 1};
  start({.queue_entries = 3, .channel_entries = 2});
  std::vector<PlainListener> servers;
  for (int i = 0; i < 3; ++i) servers.emplace_back(Family::V4);
  const Flow flow = to(servers[0].address());
  EXPECT_EQ(send(flow, std::string(kSlotSizes.back() + 1, 'x')), SendStatus::TooLong);
  EXPECT_EQ(send(flow, request("OPTIONS", 1)), SendStatus::Queued);
  EXPECT_EQ(send(flow, request("OPTIONS", 2)), SendStatus::Queued);
  EXPECT_EQ(send(flow, request("OPTIONS", 3)), SendStatus::EndpointFull);
  EXPECT_EQ(send(to(servers[1].address()), request("OPTIONS", 4)), SendStatus::NoSlot);
  EXPECT_EQ(send(to(servers[1].address()), request("OPTIONS", 4, 20000)), SendStatus::Queued);
  EXPECT_EQ(send(to(servers[2].address()), request("OPTIONS", 5)), SendStatus::QueueFull);
  ASSERT_TRUE(run_until_begun(Direction::Opened, 3));
  EXPECT_EQ(send(flow, request("OPTIONS", 3)), SendStatus::Queued);
}

TEST_F(LaneStreamsIoTest, ClosesAClientThatSaysNothing) {
  StreamOptions options;
  options.timers.first_octet = 30ms;
  start(options);
  const auto silent = connect();
  const Instant begun = loop_->now();
  const auto pinging = connect();
  test::send_all(pinging.get(), "\r\n");
  ASSERT_TRUE(run_until_ended(EndReason::FirstOctet));
  EXPECT_GE(loop_->now(), begun + 30ms);
  EXPECT_EQ(test::ending_of(silent.get()), 0);
  EXPECT_EQ(connections(), 1U);
}

TEST_F(LaneStreamsIoTest, ClosesAClientWhoseMessageTakesTooLong) {
  StreamOptions options;
  options.timers.message = 60ms;
  start(options);
  const auto slow = connect();
  const auto idle = connect();
  bring(idle, request("OPTIONS", 1));
  test::send_all(slow.get(), "OPTIONS");
  ASSERT_TRUE(run_until([&] { return slots_out(*unfinished_slots_) == 1; }));
  const Instant begun = loop_->now();
  // Octets that trickle in do not put it off.
  ASSERT_TRUE(run_until([&] {
    static_cast<void>(::send(slow.get(), "x", 1, MSG_NOSIGNAL));
    return counters().ended[EndReason::Message].value() == 1;
  }));
  EXPECT_GE(loop_->now(), begun + 60ms);
  EXPECT_LT(loop_->now(), begun + 2s);
  EXPECT_EQ(slots_out(*unfinished_slots_), 0U);
  EXPECT_EQ(connections(), 1U);
}

TEST_F(LaneStreamsIoTest, ClosesWhatIsIdleInBothDirections) {
  StreamOptions options;
  options.timers.idle = 80ms;
  start(options);
  const auto client = connect();
  const Flow flow = bring(client, request("OPTIONS", 1));
  const Instant begun = loop_->now();
  // What it is sent keeps it.
  ASSERT_TRUE(run_until([&] { return loop_->now() >= begun + 40ms; }));
  EXPECT_EQ(send(flow, response(200, 1)), SendStatus::Queued);
  const Instant sent_at = loop_->now();
  ASSERT_TRUE(run_until_ended(EndReason::Idle));
  EXPECT_GE(loop_->now(), sent_at + 80ms);
  EXPECT_EQ(connections(), 0U);
}

TEST_F(LaneStreamsIoTest, WithdrawnRequestIsNotSent) {
  start();
  PlainListener server(Family::V4);
  const Flow flow = to(server.address());
  EXPECT_FALSE(lane_->withdraw(flow, kOwnBranch));  // no connection there
  for (const auto& text : {request("OPTIONS", 1), own_request("INVITE"), request("OPTIONS", 2)}) {
    EXPECT_EQ(send(flow, text), SendStatus::Queued);
  }
  EXPECT_FALSE(lane_->withdraw(flow, "z9hG4bKanother"));
  EXPECT_EQ(counters().withdrawn.value(), 0U);
  EXPECT_TRUE(lane_->withdraw(flow, kOwnBranch));
  EXPECT_EQ(counters().withdrawn.value(), 1U);
  EXPECT_EQ(counters().queue_depth.value(), 2U);
  EXPECT_EQ(slots_out(*send_slots_), 2U);
  ASSERT_TRUE(run_until_begun(Direction::Opened));
  const auto end = server.accept();
  const std::string left = request("OPTIONS", 1) + request("OPTIONS", 2);
  EXPECT_EQ(test::receive(end.get(), left.size()), left);
  EXPECT_TRUE(inbox_.unsent.empty());
}

TEST_F(LaneStreamsIoTest, RequestOnAnAcceptedConnectionIsWithdrawnByItsFlow) {
  start();
  const auto client = connect();
  const Flow flow = bring(client, request("OPTIONS", 1));
  EXPECT_EQ(send(flow, own_request("INVITE")), SendStatus::Queued);
  Flow other = flow;
  other.remote = SockAddress::v4(0xc0000201, flow.remote.port());
  EXPECT_FALSE(lane_->withdraw(other, kOwnBranch));
  EXPECT_EQ(counters().withdrawn.value(), 0U);
  EXPECT_TRUE(lane_->withdraw(flow, kOwnBranch));
  EXPECT_EQ(counters().withdrawn.value(), 1U);
}

TEST_F(LaneStreamsIoTest, WhatWaitsTooLongForAServerIsTold) {
  StreamOptions options;
  options.timers.queued = 30ms;
  start(options);
  PlainListener server(Family::V4);
  const auto end = open(server);
  const Flow flow = to(server.address());
  send_until_full(flow, request("OPTIONS", 1, 1000));
  const size_t depth = counters().queue_depth.value();
  const Instant begun = loop_->now();
  // All but what has begun to leave, if any has.
  ASSERT_TRUE(run_until([&] { return counters().expired.value() + 1 >= depth; }));
  EXPECT_GE(loop_->now() + 1s, begun + 30ms);
  EXPECT_EQ(counters().expired.value(), inbox_.unsent.size());
  EXPECT_EQ(counters().unsent.value(), inbox_.unsent.size());
  EXPECT_EQ(counters().queue_depth.value(), depth - inbox_.unsent.size());
  EXPECT_EQ(connections(), 1U);
}

TEST_F(LaneStreamsIoTest, SleepsWhileNothingIsDue) {
  start();
  answer_all();
  const auto client = connect();
  bring(client, request("OPTIONS", 1) + "\r\n\r\n");
  tick();
  const uint64_t returns = loop_->epoll_returns().value();
  const Instant deadline = Clock::now() + 20ms;
  turn(deadline);
  EXPECT_GE(loop_->now(), deadline);
  EXPECT_EQ(loop_->epoll_returns().value(), returns + 1);
}

TEST_F(LaneStreamsIoTest, TimersThatWerePutOffDoNotSpin) {
  StreamOptions options;
  options.timers.idle = 20ms;
  start(options);
  const auto client = connect();
  bring(client, request("OPTIONS", 1));
  const uint64_t returns = loop_->epoll_returns().value();
  ASSERT_TRUE(run_until_ended(EndReason::Idle));
  // It turns every 5 ms, and once for the timer.
  EXPECT_LE(loop_->epoll_returns().value(), returns + 8);
}

TEST_F(LaneStreamsIoTest, CarriesMessagesWithoutTheHeap) {
  // What the test keeps of them would be on the heap.
  class Mirror : public Receiver {
   public:
    void on_batch(std::span<Inbound> batch, Instant) override {
      for (const Inbound& inbound : batch) {
        const std::string_view text = "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n";
        statuses[lane->send(inbound.flow, {&text, 1}, 0)].add();
      }
    }
    LaneStreams* lane = nullptr;
    CounterArray<SendStatus> statuses;
  };
  Mirror mirror;
  reserve({});
  auto listener = net::TcpListener::open({.address = test::loopback(Family::V4)});
  ASSERT_TRUE(listener);
  address_ = listener->address();
  ASSERT_TRUE(lane_->add_listener(kListener, std::move(*listener)));
  ASSERT_TRUE(lane_->start(*loop_, mirror));
  mirror.lane = lane_.get();

  for (uint64_t round = 1; round <= 20; ++round) {
    const auto client = test::connect_plain(address_);
    test::send_all(client.get(), joined(requests(4)) + "\r\n\r\nOPTIONS");
    const uint64_t before = AllocGuard::allocations();
    AllocGuard::arm_this_thread();
    while (mirror.statuses.sum() < 4 * round) {
      const Instant now = loop_->wait(std::nullopt);
      lane_->run_timers(now);
      loop_->dispatch(now);
      lane_->flush();
    }
    AllocGuard::disarm_this_thread();
    EXPECT_EQ(AllocGuard::allocations(), before);
  }
  EXPECT_EQ(mirror.statuses[SendStatus::Queued].value(), 80U);
  lane_.reset();
}

}  // namespace
}  // namespace siplb::transport
