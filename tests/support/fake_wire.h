// A Wire without a network: keeps what is sent until the test takes it.
//
// Thread: one. Bounds: `room` messages between two calls of take(); the rest finds the queue full.
#pragma once

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
    if (sent_.size() >= room_) return transport::SendStatus::QueueFull;
    SentMessage message{.to = flow, .text = {}};
    for (const std::string_view piece : pieces) message.text += piece;
    sent_.push_back(std::move(message));
    return transport::SendStatus::Queued;
  }

  // What has been sent since the last call, in order.
  [[nodiscard]] std::vector<SentMessage> take() { return std::exchange(sent_, {}); }
  // Calls of send() so far, refused ones included.
  [[nodiscard]] uint64_t attempts() const { return attempts_; }

 private:
  size_t room_;
  uint64_t attempts_ = 0;
  std::vector<SentMessage> sent_;
};

}  // namespace siplb::test
