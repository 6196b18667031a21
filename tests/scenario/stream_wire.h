// A Wire without a network that has streams: they begin and end, their far ends stall or refuse,
// and what waits for one is not sent yet, may be withdrawn, or never leaves.
//
// Of a worker it does what a lane sees of it: a response whose connection has ended goes to where
// its client listens, or is lost.
// Thread: one. Bounds: `room` messages between two calls of take(), with those that wait; the rest
// finds the queue full.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "support/fake_wire.h"

namespace siplb::test {

class StreamWire final : public transport::Wire {
 public:
  explicit StreamWire(size_t room) : room_(room) {}

  transport::SendStatus send(const transport::Flow& flow,
                             std::span<const std::string_view> pieces) override;
  [[nodiscard]] bool is_alive(const transport::Flow& flow) const override;
  [[nodiscard]] bool withdraw(const transport::Flow& flow, std::string_view branch) override;

  enum class Direction : uint8_t { Accepted, Opened };
  // The stream with the other end of `flow`, which names none: that there is, or a new one.
  transport::Flow connect(const transport::Flow& flow, Direction direction);
  // Those with this remote address have ended; they are returned.
  [[nodiscard]] std::vector<transport::Flow> end(const SockAddress& remote);

  // What the other end does with what we send it by streams.
  enum class Mood : uint8_t {
    Takes,
    Stalls,   // all that is sent waits
    Refuses,  // connections, so that all is unsent that waits for one
  };
  void set_mood(const SockAddress& remote, Mood mood);

  // What has left since the last call, in order.
  [[nodiscard]] std::vector<SentMessage> take() { return std::exchange(sent_, {}); }
  // What will never leave, since the last call.
  [[nodiscard]] std::vector<SentMessage> take_unsent() { return std::exchange(unsent_, {}); }
  // A response of those goes where it still can, or is lost.
  void reroute(const SentMessage& response);

  struct Counts {
    // Calls of send(): in all, and those that a lane must account for as sent. What is unsent it
    // may.
    uint64_t attempts = 0;
    uint64_t taken = 0;
    uint64_t rerouted = 0;  // responses whose connection had ended
    uint64_t lost = 0;
    uint64_t withdrawn = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  void give(const transport::Flow& given, std::string text);
  [[nodiscard]] transport::SendStatus look(const transport::Flow& flow) const;
  // The stream that `flow` names.
  [[nodiscard]] const transport::Flow* find(const transport::Flow& flow) const;
  [[nodiscard]] const transport::Flow* find(const transport::Flow& flow, Direction direction) const;
  [[nodiscard]] Mood mood_of(const SockAddress& remote) const;
  // What waits for `remote` goes to `out`; returns how many.
  size_t move_waiting(std::vector<SentMessage>& out, const SockAddress& remote);

  size_t room_;
  Counts counts_;
  std::vector<SentMessage> sent_;
  std::vector<SentMessage> waiting_;
  std::vector<SentMessage> unsent_;
  std::vector<transport::Flow> streams_;
  std::vector<uint32_t> generations_;  // by slot
  std::map<std::string, Mood> moods_;  // by address
};

}  // namespace siplb::test
