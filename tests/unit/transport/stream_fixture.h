// A lane's streams between real ends on the loopback interface, and who takes what they bring.
//
// Nothing sleeps: run_until() turns the lane's tick until what the test waits for has come.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "net/event_loop.h"
#include "support/loopback_tcp.h"
#include "transport/lane_streams.h"

namespace siplb::test {

inline std::string request(std::string_view method, int number, size_t body_length = 0) {
  return std::string(method) + " sip:bob@example.com SIP/2.0\r\nCSeq: " + std::to_string(number) +
         " " + std::string(method) + "\r\nContent-Length: " + std::to_string(body_length) +
         "\r\n\r\n" + std::string(body_length, 'b');
}

inline std::string response(int status, int number) {
  return "SIP/2.0 " + std::to_string(status) + " Reason\r\nCSeq: " + std::to_string(number) +
         " OPTIONS\r\nContent-Length: 0\r\n\r\n";
}

inline std::vector<std::string> requests(int count, size_t body_length = 0) {
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) texts.push_back(request("OPTIONS", i, body_length));
  return texts;
}

inline std::string joined(const std::vector<std::string>& texts, size_t from = 0) {
  std::string all;
  for (size_t i = from; i < texts.size(); ++i) all += texts[i];
  return all;
}

// Ends a connection as a crash does.
inline void reset(net::FileDescriptor& fd) {
  const linger none{.l_onoff = 1, .l_linger = 0};
  ASSERT_EQ(::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
  fd = net::FileDescriptor();
}

// Keeps what arrived, and what became of what was sent.
class StreamInbox : public transport::Receiver {
 public:
  struct Told {
    std::string text;
    transport::Flow flow;
    bool operator==(const Told&) const = default;
  };
  struct Disconnected {
    transport::Flow flow;
    uint64_t lanes = 0;
    bool operator==(const Disconnected&) const = default;
  };

  void on_batch(std::span<transport::Inbound> batch, Instant) override {
    batch_sizes.push_back(batch.size());
    for (const transport::Inbound& inbound : batch) {
      texts.emplace_back(inbound.octets.begin(), inbound.octets.end());
      flows.push_back(inbound.flow);
      faults.push_back(inbound.frame_fault);
      if (answer) answer(inbound);
    }
  }
  void on_unsent(std::string_view message, const transport::Flow& flow) override {
    unsent.push_back({std::string(message), flow});
    if (retry) retry(flow);
  }
  void on_disconnected(const transport::Flow& flow, uint64_t lanes) override {
    disconnected.push_back({flow, lanes});
  }

  std::vector<std::string> texts;
  std::vector<transport::Flow> flows;
  std::vector<sip::FrameFault> faults;
  std::vector<size_t> batch_sizes;
  std::vector<Told> unsent;
  std::vector<Disconnected> disconnected;
  std::function<void(const transport::Inbound&)> answer;
  std::function<void(const transport::Flow&)> retry;
};

class StreamFixture : public testing::Test {
 protected:
  using Family = SockAddress::Family;
  using SendStatus = transport::SendStatus;
  static constexpr transport::ListenerIndex kListener = 3;
  static constexpr uint8_t kLane = 2;

  void TearDown() override {
    lane_.reset();
    if (send_slots_ == nullptr) return;
    for (const auto* slots : {send_slots_.get(), unfinished_slots_.get()}) {
      EXPECT_EQ(slots_out(*slots), 0U);
    }
    EXPECT_EQ(census_->accepted(), 0U);
  }

  void start(const transport::StreamOptions& options = {},
             const transport::ConnectionCensusOptions& census = {},
             const SockAddress& at = loopback(Family::V4)) {
    reserve(options, census);
    auto listener = net::TcpListener::open({.address = at});
    ASSERT_TRUE(listener);
    address_ = listener->address();
    ASSERT_TRUE(lane_->add_listener(kListener, std::move(*listener)));
    ASSERT_TRUE(lane_->start(*loop_, inbox_));
  }

  void reserve(const transport::StreamOptions& options,
               const transport::ConnectionCensusOptions& census = {}) {
    transport::ConnectionCensusOptions counted = census;
    counted.lanes = kLane + 1;
    counted.channels = options.channels;
    census_.emplace(counted);
    loop_ = std::move(*net::EventLoop::create(descriptors_max_));
    send_slots_ = std::move(*transport::MessageSlots::reserve(send_slots_options_));
    unfinished_slots_ = std::move(*transport::MessageSlots::reserve(unfinished_slots_options_));
    area_.resize(transport::kStreamAreaOctets);
    lane_ = std::move(*transport::LaneStreams::reserve(
        kLane, options, {*send_slots_, *unfinished_slots_, area_, *census_}));
  }

  void turn(Instant until) {
    const auto next = lane_->next_deadline();
    const Instant now = loop_->wait(next ? std::min(*next, until) : until);
    lane_->run_timers(now);
    loop_->dispatch(now);
    lane_->flush();
    EXPECT_FALSE(lane_->has_marked());
  }
  // One tick that does not sleep.
  void tick() { turn(Instant{}); }
  // Ticks until it holds. What the other ends do meanwhile is looked at often enough.
  template <class Condition>
  [[nodiscard]] bool run_until(Condition&& condition) {
    const Instant limit = Clock::now() + std::chrono::milliseconds(kPatienceMs);
    while (!condition()) {
      if (Clock::now() > limit) return false;
      turn(Clock::now() + std::chrono::milliseconds(5));
    }
    return true;
  }
  [[nodiscard]] bool run_until_arrived(size_t messages) {
    return run_until([&] { return inbox_.texts.size() >= messages; });
  }
  [[nodiscard]] bool run_until_ended(transport::EndReason reason, uint64_t count = 1) {
    return run_until([&] { return counters().ended[reason].value() >= count; });
  }
  // So many connections of ours are there.
  [[nodiscard]] bool run_until_begun(transport::Direction direction, uint64_t count = 1) {
    return run_until([&] { return counters().begun[direction].value() >= count; });
  }

  // A connection of a client, which is accepted when this returns.
  [[nodiscard]] net::FileDescriptor connect() {
    const uint64_t before = counters().begun[transport::Direction::Accepted].value();
    net::FileDescriptor fd = connect_plain(address_);
    EXPECT_TRUE(run_until_begun(transport::Direction::Accepted, before + 1));
    return fd;
  }
  // The client's connection has brought this message; returns the flow by which it came.
  transport::Flow bring(const net::FileDescriptor& client, std::string_view text) {
    const size_t before = inbox_.texts.size();
    send_all(client.get(), text);
    EXPECT_TRUE(run_until_arrived(before + 1));
    return inbox_.flows.empty() ? transport::Flow{} : inbox_.flows.back();
  }
  // A connection that the lane has opened to the server, which has spoken by it. Returns the
  // server's end.
  [[nodiscard]] net::FileDescriptor open(PlainListener& server) {
    const uint64_t before = counters().begun[transport::Direction::Opened].value();
    EXPECT_EQ(send(to(server.address()), request("OPTIONS", 1)), SendStatus::Queued);
    EXPECT_TRUE(run_until_begun(transport::Direction::Opened, before + 1));
    net::FileDescriptor fd = server.accept();
    EXPECT_EQ(receive(fd.get(), request("OPTIONS", 1).size()), request("OPTIONS", 1));
    bring(fd, response(200, 1));
    return fd;
  }

  [[nodiscard]] transport::Flow to(const SockAddress& remote) const {
    return {.remote = remote, .listener = kListener, .transport = sip::Transport::Tcp};
  }
  SendStatus send(const transport::Flow& flow, std::string_view text, uint8_t from_lane = kLane) {
    return lane_->send(flow, {&text, 1}, from_lane);
  }
  // Sends the same, tick by tick, until its connection may hold no more of it; returns how often.
  size_t send_until_full(const transport::Flow& flow, std::string_view text) {
    size_t sent = 0;
    for (size_t refused_in_a_row = 0; refused_in_a_row < 2;) {
      const SendStatus status = send(flow, text);
      if (status == SendStatus::Queued) {
        ++sent;
        refused_in_a_row = 0;
        continue;
      }
      EXPECT_EQ(status, SendStatus::EndpointFull);
      ++refused_in_a_row;
      tick();
    }
    return sent;
  }
  [[nodiscard]] const transport::LaneStreamCounters& counters() const { return lane_->counters(); }
  [[nodiscard]] uint64_t connections() const { return counters().connections.sum(); }
  static size_t slots_out(const transport::MessageSlots& slots) {
    using transport::SlotClass;
    size_t out = 0;
    for (const auto size_class : {SlotClass::Small, SlotClass::Medium, SlotClass::Large}) {
      out += slots.pool(size_class).counters().used.value();
    }
    return out;
  }

  size_t descriptors_max_ = 256;
  transport::MessageSlotsOptions send_slots_options_;
  transport::MessageSlotsOptions unfinished_slots_options_ = {
      .small_count = 64, .medium_count = 8, .large_count = 4};
  std::optional<transport::ConnectionCensus> census_;
  std::unique_ptr<net::EventLoop> loop_;
  std::unique_ptr<transport::MessageSlots> send_slots_;
  std::unique_ptr<transport::MessageSlots> unfinished_slots_;
  std::vector<char> area_;
  StreamInbox inbox_;
  SockAddress address_;  // of the listener
  std::unique_ptr<transport::LaneStreams> lane_;
};

}  // namespace siplb::test
