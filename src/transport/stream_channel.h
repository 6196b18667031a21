// One connection of a lane, accepted or opened: its socket, what has come in by it and is not whole
// yet, and what waits to leave.
//
// One that siplb opens is an endpoint, too: it keeps its place while it can't be reached.
//
//   accept ---> Open ---- end of reading, fault ----> Ending ---> (Closing) ---> gone
//                ^  `---- reset, timers ---------------------------------------> gone
//                |
//   send ---> Connecting ---> Pausing ---> Connecting ...
//
// Plain data and questions about it; what happens to it is LaneStreams'.
// Thread: one, the lane's worker. Bounds: constant size.
#pragma once

#include <cstdint>
#include <optional>

#include "base/slot_pool.h"
#include "base/time.h"
#include "net/event_loop.h"
#include "net/tcp_socket.h"
#include "net/timer_wheel.h"
#include "transport/flow.h"
#include "transport/lane_streams.h"
#include "transport/stream_intake.h"
#include "transport/stream_queues.h"

namespace siplb::transport {

struct StreamChannel final : net::Watched, net::TimerNode {
  enum class State : uint8_t {
    Connecting,  // opened by us, and not there yet
    Open,
    Ending,   // nothing more is taken from it; it closes when what it asked has been answered
    Closing,  // after a fault, all is said; the other end has a moment to read it and to close
    Pausing,  // it could not be opened: not tried again for a while
  };

  StreamChannel(LaneStreams& owner, SlotHandle own_slot, size_t message_octets_max)
      : lane(owner), slot(own_slot), intake(message_octets_max) {}

  [[nodiscard]] net::Events on_ready(net::Events events, Instant now) override {
    return lane.on_ready(*this, events, now);
  }

  [[nodiscard]] bool is_outbound() const { return flow.connection.is_outbound(); }
  [[nodiscard]] Direction direction() const {
    return is_outbound() ? Direction::Opened : Direction::Accepted;
  }
  // Who takes none of his answers may ask no more: what he would be told has no room. Not so one
  // that we opened: a server that waits for us to read before it reads would wait for ever.
  [[nodiscard]] bool must_pause() const {
    return state == State::Open && !is_outbound() && (is_blocked || is_paused);
  }
  // How it is named by who sends to it: what we open is found by its address.
  [[nodiscard]] Flow flow_as_sent() const {
    Flow sent = flow;
    if (is_outbound()) sent.connection = {};
    return sent;
  }

  LaneStreams& lane;
  const SlotHandle slot;  // of this in the lane's pool
  State state = State::Open;
  EndReason end_reason = EndReason::Peer;  // of Ending
  bool is_counted = false;                 // by the census, as one of its remote end's
  bool is_blocked = false;                 // the kernel takes no more until it is writable again
  bool is_paused = false;                  // not read, since it takes nothing of what waits for it
  bool is_marked = false;                  // to be written at the end of the tick
  bool has_heard = false;                  // something came by it
  uint8_t failures = 0;                    // to open it, since something came by it
  uint32_t owed = 0;                       // requests that came by it, not finally answered
  net::TcpSocket socket;
  Flow flow;  // its remote end and listener; connection is its own name
  StreamIntake intake;
  StreamQueue queue;
  uint64_t lanes = 0;  // whose requests it carried: a bit for each
  Instant since{};     // it is in this state
  Instant heard_at{};
  Instant taken_at{};  // the peer took something, or has begun to owe it
  Instant retry_at{};  // of Pausing
  StreamChannel* next_marked = nullptr;
  StreamChannel* next_alike = nullptr;  // of those that we opened, with the same hash
};

}  // namespace siplb::transport
