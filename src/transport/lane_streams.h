// The streams of one lane: its TCP listeners, the connections that came in by them, and those that
// it has opened to servers.
//
// In: a connection is read into the worker's area, up to a budget each tick; whole messages are
// shown where they lie, only the beginning of an unfinished one is copied into a slot. So an idle
// connection costs its channel and nothing else.
// Out: send() copies a message into a slot of the connection's own queue, and flush(), once a tick,
// writes whole queues; messages are never torn or mixed. A queue is bounded in messages and octets,
// and by a share of the slots that are free: the fewer are left, the less one connection may hold,
// so many peers that do not read leave room for those that do. A client that takes nothing is not
// read either until it has taken all that waits; who takes nothing for `stalled` is closed.
// Where a flow names no connection, the one to its remote address is used, and opened where there
// is none. What is queued meanwhile waits for it at most `queued`. A server that refuses
// connections is tried again after a pause, which doubles, with jitter; until then messages for it
// are refused. What was queued and can't be sent is told to the receiver, never from within send():
// a connection ends only in flush(), run_timers() and when the loop reports it. Thread: one, the
// lane's worker; the counters may be read by any. Bounds: StreamOptions; no heap after start(), but
// where listeners come and go.
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
#include "base/slot_pool.h"
#include "base/time.h"
#include "net/event_loop.h"
#include "net/tcp_listener.h"
#include "net/timer_wheel.h"
#include "sip/stream_framer.h"
#include "transport/connection_census.h"
#include "transport/message_slots.h"
#include "transport/stream_intake.h"
#include "transport/stream_options.h"
#include "transport/stream_queues.h"
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
  Counter paused;       // clients not read for a while, since they did not read either
  Counter unsent;       // messages that were queued and never sent
  Counter expired;      // of these: waited too long for their connection
  Counter withdrawn;    // taken back by their sender
  Counter queue_depth;  // messages, of all connections
};

[[nodiscard]] std::string_view name(EndReason reason);
[[nodiscard]] std::string_view name(RefusedReason reason);
[[nodiscard]] std::string_view name(Direction direction);

struct StreamChannel;

class LaneStreams final : private StreamSink {
 public:
  // All are borrowed: they serve all lanes of a worker, the census all lanes.
  struct Parts {
    MessageSlots& send_slots;
    MessageSlots& unfinished_slots;
    std::span<char> area;  // kStreamAreaOctets
    ConnectionCensus& census;
  };
  [[nodiscard]] static Result<std::unique_ptr<LaneStreams>> reserve(uint8_t lane,
                                                                    const StreamOptions& options,
                                                                    const Parts& parts);
  [[nodiscard]] static size_t memory_octets(const StreamOptions& options);
  ~LaneStreams() override;
  LaneStreams(const LaneStreams&) = delete;
  LaneStreams& operator=(const LaneStreams&) = delete;

  // Begins to accept by the listeners that it has. Both are borrowed for the rest of this object's
  // life. Requires: once.
  [[nodiscard]] Result<void> start(net::EventLoop& loop, Receiver& receiver);

  // What follows takes heap, and is called before start() or between two ticks.
  // Once this object has started, connections can be opened by the listener at once, and come in
  // from listen() on. Requires: the listener has no socket.
  [[nodiscard]] Result<void> add_listener(ListenerIndex listener, net::TcpListener socket);
  // Requires: started; the listener has a socket.
  void listen(ListenerIndex listener);
  // No more connections come in or are opened; those that there are live on. The socket is closed
  // when what is returned goes, by whichever thread. Null where there is none. Requires: started.
  [[nodiscard]] std::unique_ptr<net::Watched> remove_listener(ListenerIndex listener, Instant now);

  // Requires: started; flow.is_stream(), and its connection is none or of this lane. `from_lane`
  // hears of it when the connection of a request ends.
  SendStatus send(const Flow& flow, std::span<const std::string_view> pieces, uint8_t from_lane);
  // See Wire::withdraw(); the connection is none or of this lane.
  [[nodiscard]] bool withdraw(const Flow& flow, std::string_view branch);
  // Writes what is queued, and tells what can't be sent; goes on with what is sent then. Call it at
  // the end of each tick, never from the receiver.
  void flush();
  // True while flush() has work.
  [[nodiscard]] bool has_marked() const { return marked_ != nullptr; }

  [[nodiscard]] std::optional<Instant> next_deadline();
  void run_timers(Instant now);

  [[nodiscard]] const LaneStreamCounters& counters() const { return counters_; }

 private:
  friend struct StreamChannel;
  class Acceptor;
  // When something is due for a channel, and why it ends then.
  struct Due {
    Instant at{};
    EndReason reason = EndReason::Idle;
  };

  LaneStreams(uint8_t lane, const StreamOptions& options, const Parts& parts, MemoryRegion region);

  // lane_streams.cpp: how connections begin and end.
  [[nodiscard]] Result<void> watch(Acceptor& acceptor);
  void accept(ListenerIndex listener, net::Accepted accepted);
  [[nodiscard]] StreamChannel* create(const Flow& flow, Direction direction, size_t kept);
  void release(StreamChannel& channel);
  [[nodiscard]] StreamChannel* find(const Flow& flow) const;
  [[nodiscard]] StreamChannel* find_opened(const Flow& flow);
  enum class Purpose : uint8_t { Request, Response };
  [[nodiscard]] StreamChannel* reach(const Flow& flow, Purpose purpose);
  [[nodiscard]] StreamChannel*& bucket_of(const Flow& flow);
  void connect(StreamChannel& channel);
  void on_connected(StreamChannel& channel);
  void begin(StreamChannel& channel);
  void put_off(StreamChannel& channel);
  enum class Life : uint8_t { GoesOn, Over };
  Life begin_ending(StreamChannel& channel, EndReason reason);
  void finish(StreamChannel& channel);
  void end(StreamChannel& channel, EndReason reason);
  void shut(StreamChannel& channel, EndReason reason);
  size_t tell_unsent(StreamQueue& waiting, const Flow& flow);
  static void unlink(StreamChannel*& head, StreamChannel& channel,
                     StreamChannel* StreamChannel::*next);

  // lane_streams_io.cpp: what comes and goes by them, and time.
  [[nodiscard]] net::Events on_ready(StreamChannel& channel, net::Events events, Instant now);
  [[nodiscard]] net::Events read(StreamChannel& channel, net::Events events);
  [[nodiscard]] size_t share_of_tick(const StreamChannel& channel);
  void pause(StreamChannel& channel);
  void resume(StreamChannel& channel);
  [[nodiscard]] Life take(StreamChannel& channel, std::span<char> octets);
  [[nodiscard]] StreamIntake::Parts intake_parts(const StreamChannel& channel) const;
  void on_message(std::span<char> octets, sip::FrameFault fault) override;
  void on_ping() override;
  void settle() override;
  [[nodiscard]] bool has_listener(const Flow& flow) const;
  [[nodiscard]] size_t reserve_of_requests() const;
  void mark(StreamChannel& channel);
  [[nodiscard]] bool write_queue(StreamChannel& channel);
  void write(StreamChannel& channel);
  void on_timer(StreamChannel& channel);
  void drop_expired(StreamChannel& channel);
  [[nodiscard]] Due next_due(const StreamChannel& channel) const;
  void schedule(StreamChannel& channel);

  static constexpr size_t kBatchMax = 32;  // messages shown to the receiver at once

  const uint8_t lane_;
  const StreamOptions options_;
  const Parts parts_;
  SlotPool pool_;
  std::vector<StreamChannel*> channels_;  // by slot
  std::vector<StreamChannel*> opened_;    // by hash of their address; chained
  std::array<std::unique_ptr<Acceptor>, kListenersMax> acceptors_;  // null where there is none
  StreamQueues queues_;
  net::EventLoop* loop_ = nullptr;
  Receiver* receiver_ = nullptr;
  StreamChannel* reading_ = nullptr;     // whose octets are being taken
  bool has_ping_ = false;                // among them
  size_t readers_ = 0;                   // connections that have brought something in this tick
  size_t readers_before_ = 0;            // in the last one
  StreamChannel* marked_ = nullptr;      // to be written, chained
  std::vector<Inbound> batch_;           // shown, and not yet given to the receiver
  std::optional<Instant> accept_again_;  // no edge will tell that connections wait
  uint64_t draws_ = 0;
  LaneStreamCounters counters_;
  net::TimerWheel wheel_{Instant{}};  // lets go of the channels when it dies, before the pool
};

}  // namespace siplb::transport
