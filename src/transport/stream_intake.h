// From the octets that a stream brings to whole messages, however it is cut.
//
// Messages are shown where they lie. Only the beginning of one that is not whole yet is copied:
// into a slot, so between messages nothing is kept. What is appended to it is looked at once, and a
// message that ends in what was read last is shown from the slot.
// Thread: one, the lane's worker. Bounds: one message; one slot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/address.h"
#include "base/time.h"
#include "sip/stream_framer.h"
#include "transport/connection_census.h"
#include "transport/message_slots.h"

namespace siplb::transport {

// Who takes what a stream has brought.
class StreamSink {
 public:
  virtual ~StreamSink() = default;
  // A whole message, or with a fault the head of what follows. Valid until the next settle().
  virtual void on_message(std::span<char> octets, sip::FrameFault fault) = 0;
  virtual void on_ping() = 0;
  // What was shown is about to be overwritten.
  virtual void settle() = 0;
};

class StreamIntake {
 public:
  // What all intakes of a worker share; borrowed. `source`, whose stream it is, may hold a few
  // large slots only.
  struct Parts {
    MessageSlots& slots;
    ConnectionCensus& census;
    const SockAddress* source;
  };
  enum class [[nodiscard]] Outcome : uint8_t{
      Ok,
      Broken,  // a fault of framing: nothing that follows can be read
      NoSlot,  // no room for an unfinished message
  };

  explicit StreamIntake(size_t message_octets_max) : framer_(message_octets_max) {}
  ~StreamIntake();
  StreamIntake(const StreamIntake&) = delete;
  StreamIntake& operator=(const StreamIntake&) = delete;

  // Takes what was read and shows `sink` what is whole.
  Outcome take(std::span<char> octets, const Parts& parts, StreamSink& sink, Instant now);
  // Why the outcome was Broken.
  [[nodiscard]] sip::FrameFault fault() const { return fault_; }

  [[nodiscard]] bool is_unfinished() const { return slot_.has_value(); }
  // When the unfinished message began to arrive.
  [[nodiscard]] Instant since() const { return since_; }
  // It counts from now on: what came meanwhile was not looked at.
  void restart(Instant now) { since_ = now; }
  // Forgets the unfinished message, as it must be before this dies.
  void drop(const Parts& parts);

 private:
  // Each uses up the front of `octets`.
  Outcome take_whole(std::span<char>& octets, const Parts& parts, StreamSink& sink, Instant now);
  Outcome take_rest(std::span<char>& octets, const Parts& parts, StreamSink& sink);
  [[nodiscard]] bool take_slot(size_t length, const Parts& parts);
  [[nodiscard]] bool grow(size_t length, const Parts& parts);
  Outcome break_off(std::span<char> octets, const sip::Frame& frame, StreamSink& sink);

  sip::StreamFramer framer_;
  std::optional<MessageSlot> slot_;
  uint32_t kept_ = 0;    // octets in the slot
  uint32_t wanted_ = 0;  // of the whole message; 0: not known yet
  sip::FrameFault fault_ = sip::FrameFault::None;
  Instant since_{};
};

}  // namespace siplb::transport
