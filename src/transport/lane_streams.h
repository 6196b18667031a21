// The streams of one lane: its TCP listeners, the connections that came in by them, and those that
// it has opened to servers.
//
// In: a connection is read into the worker's area, up to a budget each tick; whole messages are
// shown where they lie, only the beginning of an unfinished one is copied into a slot. So an idle
// connection costs its channel and nothing else.
// Out: send() copies a message into a slot of the connection's own queue, and flush(), once a tick,
// writes whole queues; messages are never torn or mixed. A queue is bounded in messages and octets,
// and by a share of the slots that are free: the fewer are left, the less one connection may hold,
// so many peers that do not read leave room for those that do. One that takes nothing for
// `stalled` is closed.
// Where a flow names no connection, the one to its remote address is used, and opened where there
// is none. What is queued meanwhile waits for it at most `queued`. A server that refuses
// connections is tried again after a pause, which doubles, with jitter; until then messages for it
// are refused. What was queued and can't be sent is told to the receiver, never from within send():
// a connection ends only in flush(), run_timers() and when the loop reports it. Thread: one, the
// lane's worker; the counters may be read by any. Bounds: StreamOptions; no heap after start().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/counter.h"
#include "base/time.h"
#include "net/event_loop.h"
#include "net/tcp_listener.h"
#include "net/timer_wheel.h"
#include "sip/stream_framer.h"
#include "transport/connection_census.h"
#include "transport/message_slots.h"
#include "transport/stream_options.h"
#include "transport/wire.h"

namespace siplb::transport {

// What one read of a stream can bring; the worker has one area for all its streams.
inline constexpr size_t kStreamAreaOctets = size_t{64} * 1024;

// Why a connection ended.
enum class EndReason : uint8_t {
  Peer,        // the other end has closed it
  Failed,      // reset, or given up by the kernel
  Refused,     // it could not be opened
  Connect,     // it was not there in time
  FirstOctet,  // nothing came in time
  Message,     // a message was not whole in time
  Idle,
  Stalled,  // the other end takes nothing
  Framing,  // nobody knows where the next message begins
  NoSlot,   // no room for an unfinished message
  Stop,     // of this process
  kCount,
};

// Why a connection was closed as soon as it was accepted.
enum class RefusedReason : uint8_t {
  Full,          // limits.connections
  SourceFull,    // limits.connections_per_source
  NoChannel,     // of this lane
  NoDescriptor,  // of this process, or of the system
  kCount,
};

enum class Direction : uint8_t { Accepted, Opened, kCount };

struct LaneStreamCounters {
  CounterArray<Direction> connections;  // now
  CounterArray<Direction> begun;
  CounterArray<EndReason> ended;
  CounterArray<RefusedReason> refused;
  CounterArray<sip::FrameFault> frame_faults;
  Counter received_octets;
  Counter sent_octets;
  Counter sent_messages;
  Counter pings;        // keep-alives, answered
  Counter unsent;       // messages that were queued and never sent
  Counter expired;      // of these: waited too long for their connection
  Counter withdrawn;    // taken back by their sender
  Counter queue_depth;  // messages, of all connections
  Counter unfinished;   // messages whose beginning is kept, now
};

[[nodiscard]] std::string_view name(EndReason reason);
[[nodiscard]] std::string_view name(RefusedReason reason);
[[nodiscard]] std::string_view name(Direction direction);

class LaneStreams {
 public:
  // All are borrowed, and serve all lanes of a worker; the census serves all lanes.
  struct Parts {
    MessageSlots& send_slots;
    MessageSlots& unfinished_slots;
    std::span<char> area;  // kStreamAreaOctets
    ConnectionCensus& census;
  };
  LaneStreams(uint8_t lane, const StreamOptions& options, const Parts& parts);
  ~LaneStreams();
  LaneStreams(const LaneStreams&) = delete;
  LaneStreams& operator=(const LaneStreams&) = delete;
  [[nodiscard]] static size_t memory_octets(const StreamOptions& options);

  // Requires: not started, and this listener has no socket yet.
  void add_listener(ListenerIndex listener, net::TcpListener socket);
  // An address to open connections from by that listener, any port; without it as the kernel
  // chooses. Requires: not started.
  void set_local(ListenerIndex listener, const SockAddress& local);
  // Begins to accept. Both are borrowed for the rest of this object's life.
  [[nodiscard]] Result<void> start(net::EventLoop& loop, Receiver& receiver);

  // Requires: started; flow.is_stream(), and its connection is none or of this lane. `from_lane`
  // hears of it when the connection of a request ends.
  SendStatus send(const Flow& flow, std::span<const std::string_view> pieces, uint8_t from_lane);
  // See Wire::withdraw(); of this lane's own connections only.
  void withdraw(const Flow& flow, std::string_view branch);
  // Writes what is queued, and tells what can't be sent; goes on with what is sent then. Call it at
  // the end of each tick, never from the receiver.
  void flush(Instant now);

  [[nodiscard]] std::optional<Instant> next_deadline() { return wheel_.next_deadline(); }
  void run_timers(Instant now);

  [[nodiscard]] const LaneStreamCounters& counters() const { return counters_; }

 private:
  class Channel;
  class Acceptor;
  struct Entry;
};

}  // namespace siplb::transport
