// The seam between SIP and sockets: what a lane sends by, and what it is given.
//
// The real one is a set of sockets (lane_sockets.h); tests put a fake network here.
// One virtual call per message in either direction.
// Thread: one, the lane's worker.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/time.h"
#include "sip/stream_framer.h"
#include "transport/flow.h"

namespace siplb::transport {

// One message as it arrived. The octets are writable (Max-Forwards is counted down in place) and
// die when the batch's callback returns.
struct Inbound {
  std::span<char> octets;
  Flow flow;  // remote = who sent it; listener = where it arrived
  // Other than None: the octets are only the head of what a stream brought, and nobody knows where
  // it ends. It may be answered, and nothing else.
  sip::FrameFault frame_fault = sip::FrameFault::None;
};

// What became of a message given to the wire. Everything but Queued is counted by the wire itself
// as siplb_send_failed_total, with this as its reason.
enum class [[nodiscard]] SendStatus : uint8_t{
    Queued,
    QueueFull,     // the lane's send queue
    EndpointFull,  // this endpoint's or connection's share of it
    NoSlot,        // the pool of that size is empty
    TooLong,       // over 65,507 octets (UDP), or 65,536
    NoSocket,      // no socket of that listener and transport
    Gone,          // the connection has ended
    Unreachable,   // the server refused connections a moment ago
    NoConnection,  // no room for another connection
    MailboxFull,   // the lane that has the connection has no room
    kCount,
};

class Wire {
 public:
  virtual ~Wire() = default;

  // Queues one message, copied from its pieces; they are not needed after the call.
  virtual SendStatus send(const Flow& flow, std::span<const std::string_view> pieces) = 0;

  // False where `flow` names a connection that has ended: nothing can be sent by it.
  [[nodiscard]] virtual bool is_alive(const Flow& /*flow*/) const { return true; }

  // A request that may still wait for its stream is no longer wanted: `branch` is that of its top
  // Via. True where it was taken back, and so has never left. False where it has left, or begun to,
  // and where another lane has the connection, which then takes it back if it can.
  [[nodiscard]] virtual bool withdraw(const Flow& /*flow*/, std::string_view /*branch*/) {
    return false;
  }
};

// Who takes what arrived.
class Receiver {
 public:
  virtual ~Receiver() = default;

  // `now` is the tick's one reading of the clock.
  virtual void on_batch(std::span<Inbound> batch, Instant now) = 0;

  // Something that was sent does not arrive: the kernel refused it, or an ICMP error came back.
  // `quote` is the beginning of it, maybe cut off, and dies with the call; ICMP can be forged, so
  // it proves nothing that the receiver does not check.
  virtual void on_undelivered(std::string_view /*quote*/, const SockAddress& /*destination*/) {}

  // A message that was queued for a stream was not sent, or not wholly, and never will be. It dies
  // with the call; `flow` is as it was given to send().
  virtual void on_unsent(std::string_view /*message*/, const Flow& /*flow*/) {}

  // A connection has ended by which requests were sent: what was not answered yet may or may not
  // have arrived. `lanes` has a bit for each lane whose requests they were.
  virtual void on_disconnected(const Flow& /*connection*/, uint64_t /*lanes*/) {}
};

}  // namespace siplb::transport
