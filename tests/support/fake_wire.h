// A Wire without a network: keeps what is sent until the test takes it.
//
// Thread: one. Bounds: `room` messages between two calls of take(); the rest finds the queue full.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "transport/wire.h"

namespace siplb::test {

struct SentMessage {
  transport::Flow to;
  std::string text;
};

class FakeWire final : public transport::Wire {
 public:
  explicit FakeWire(size_t room = SIZE_MAX) : room_(room) {}

  transport::SendStatus send(const transport::Flow& flow,
                             std::span<const std::string_view> pieces) override {
    ++attempts_;
    if (!is_alive(flow)) return transport::SendStatus::Gone;
    if (flow.is_stream() && flow.connection.is_none() && contains(refusing_, flow.remote)) {
      return transport::SendStatus::Unreachable;
    }
    if (sent_.size() >= room_) return transport::SendStatus::QueueFull;
    SentMessage message{.to = flow, .text = {}};
    for (const std::string_view piece : pieces) message.text += piece;
    sent_.push_back(std::move(message));
    return transport::SendStatus::Queued;
  }

  [[nodiscard]] bool is_alive(const transport::Flow& flow) const override {
    return !contains(ended_, flow.connection);
  }
  [[nodiscard]] bool withdraw(const transport::Flow& flow, std::string_view branch) override {
    withdrawn_.push_back({.to = flow, .text = std::string(branch)});
    return is_waiting_;
  }

  // The connection is no more.
  void end(transport::ConnectionId connection) { ended_.push_back(connection); }
  // What is sent waits for its stream from now on, and can be taken back.
  void let_wait() { is_waiting_ = true; }
  // Streams to this address are refused from now on.
  void refuse(const SockAddress& remote) { refusing_.push_back(remote); }
  // Branches that were withdrawn since the last call, in order.
  [[nodiscard]] std::vector<SentMessage> take_withdrawn() { return std::exchange(withdrawn_, {}); }

  // What has been sent since the last call, in order.
  [[nodiscard]] std::vector<SentMessage> take() { return std::exchange(sent_, {}); }
  // Calls of send() so far, refused ones included.
  [[nodiscard]] uint64_t attempts() const { return attempts_; }

 private:
  template <class Value>
  static bool contains(const std::vector<Value>& values, const Value& value) {
    return std::find(values.begin(), values.end(), value) != values.end();
  }

  size_t room_;
  bool is_waiting_ = false;
  uint64_t attempts_ = 0;
  std::vector<SentMessage> sent_;
  std::vector<SentMessage> withdrawn_;
  std::vector<transport::ConnectionId> ended_;
  std::vector<SockAddress> refusing_;
};

}  // namespace siplb::test
