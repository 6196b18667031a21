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
#include "transport/flow.h"

namespace siplb::transport {

// One message as it arrived. The octets are writable (Max-Forwards is counted down in place) and
// die when the batch's callback returns.
struct Inbound {
  std::span<char> octets;
  Flow flow;  // remote = who sent it; listener = where it arrived
};

// What became of a message given to the wire. Everything but Queued is counted by the wire itself
// as siplb_send_failed_total, with this as its reason.
enum class [[nodiscard]] SendStatus : uint8_t{
    Queued,
    QueueFull,     // the lane's send queue
    EndpointFull,  // this endpoint's share of it
    NoSlot,        // the pool of that size is empty
    TooLong,       // over 65,507 octets (UDP)
    NoSocket,      // no socket of that listener and transport
    kCount,
};

class Wire {
 public:
  virtual ~Wire() = default;

  // Queues one message, copied from its pieces; they are not needed after the call.
  virtual SendStatus send(const Flow& flow, std::span<const std::string_view> pieces) = 0;
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
};

}  // namespace siplb::transport
