// A worker: the thread, and the tick, that serves some of the lanes (DESIGN 3).
//
//   sleep -> mailbox -> due timers -> sockets, each batch decided as it is drained, then the
//   mailbox again -> send queues flushed -> sleep
//
// A message that belongs to a lane of this worker is decided at once, whichever of its lanes it
// arrived at; one of another worker's goes to that worker's mailbox.
// Thread: one (run), except post(), wake() and stop(), which any thread may call; counters have any
// reader.
// Bounds: WorkerOptions; no heap after create().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/event_ring.h"
#include "base/histogram.h"
#include "base/memory_region.h"
#include "base/published.h"
#include "net/event_loop.h"
#include "net/mailbox.h"
#include "proxy/lane.h"
#include "proxy/tracer.h"
#include "transport/lane_sockets.h"
#include "transport/lane_streams.h"
#include "transport/listener_sockets.h"

namespace siplb::proxy {

struct WorkerOptions {
  size_t index = 0;
  size_t worker_count = 1;
  size_t lane_count = 4;  // of all workers; lane l belongs to worker l mod worker_count
  size_t moved_entries = MovedFlows::kWays;  // clients that have moved, per lane
  bool has_old_tables = false;               // an earlier process has filled the affinity tables
  balance::AffinityOptions affinity;
  ContextStoreOptions contexts;  // per lane
  transaction::TimerOptions timers;
  transport::MessageSlotsOptions slots;  // of the send queues
  transport::MessageSlotsOptions held;   // of requests that may be sent again, and of finals
  transport::LaneSocketsOptions sockets;
  transport::StreamOptions streams;           // per lane
  transport::MessageSlotsOptions unfinished;  // of what streams have not brought wholly
  net::MailboxOptions mailbox;
};

// What a worker counts besides its lanes.
struct WorkerCounters {
  Counter mail_posted;         // messages handed to another worker
  Counter responses_rerouted;  // whose connection was gone: by a new one (RFC 3261, 18.2.2)
  Counter responses_lost;      // whose connection was gone, with no safe way to their client
  Histogram tick_duration;     // how long a message may wait for the loop to come round
};

// The affinity table of one lane, in memory that may be older than the process and outlive it.
struct LaneTables {
  std::span<balance::AffinityEntry> calls;
  std::span<balance::AffinityEntry> others;
};

// One of the transports that a listener has.
struct ListenerTransport {
  transport::ListenerIndex listener = 0;
  sip::Transport transport = sip::Transport::Udp;
};

class Worker {
 public:
  // All are borrowed.
  struct Parts {
    // In all that is published this worker is reader number WorkerOptions::index.
    Published<Snapshot>& snapshots;
    Published<balance::PoolStatus>& statuses;
    balance::LoadBoard& load;
    balance::CallCounts& calls;
    balance::HealthSink& health;
    EventRing& events;  // this worker alone posts to it
    transport::ConnectionCensus& census;
    std::span<const LaneTables> tables;  // by lane, of all workers
    Published<NameBook>& books;          // wake() says that there is a new one
    NameAsks& names;
  };
  // Takes its lanes' sockets out of `listeners`, in configuration order.
  [[nodiscard]] static Result<std::unique_ptr<Worker>> create(
      const WorkerOptions& options, const Parts& parts,
      std::span<transport::ListenerSockets> listeners);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Makes the others known, by index; this one among them. Requires: before run().
  void connect(std::span<const std::unique_ptr<Worker>> workers);
  // Serves until stop(); then what the send queues hold is flushed once. Requires: connected.
  void run();
  // Deals with what other workers have handed over since, and flushes it: nothing that was read is
  // lost. Requires: run() of all of them has returned; on the same thread.
  void finish();

  // Hands a message to a lane of this worker. False where the mailbox has no room for its class.
  [[nodiscard]] bool post(uint8_t lane, const transport::Inbound& inbound);
  // Makes it look at what is published, from any thread.
  void wake() { loop_->wake(); }
  void stop();

  // Has this worker's thread do `task` at the beginning of a tick that goes by what is newest, and
  // returns when it is done. Requires: run() goes on meanwhile; one thread asks at a time.
  using Task = std::function<void()>;
  void perform(const Task& task);
  // What follows is called from such a task.
  // Takes its lanes' sockets. They can be sent by; nothing comes by them before listen().
  [[nodiscard]] Result<void> add_listener(transport::ListenerIndex listener,
                                          transport::ListenerSockets& sockets);
  // Requires: the listener has that transport.
  void listen(const ListenerTransport& by);
  // Takes what waits at its lanes' sockets. Who does so on all workers before he removes the
  // listener loses nothing that has arrived, though its lane is another's. Over TCP nothing waits.
  void drain_listener(const ListenerTransport& by);
  // Takes the sockets of its lanes out of use, to where `removed` has each lane's place: they are
  // closed when they go.
  void remove_listener(const ListenerTransport& by,
                       std::span<std::unique_ptr<net::Watched>> removed);

  struct LaneView {
    uint8_t index = 0;
    const LaneCounters& counters;
    const transport::LaneSockets& sockets;
    const transport::LaneStreams* streams;  // null where no listener has streams
    // Each message for a stream, by what became of it.
    const CounterArray<transport::SendStatus>& stream_sends;
    const ContextStore& contexts;
  };
  [[nodiscard]] size_t lane_count() const { return ports_.size(); }
  // The n-th lane of this worker.
  [[nodiscard]] LaneView lane(size_t n) const;
  [[nodiscard]] const WorkerCounters& counters() const { return counters_; }
  // Turns of the loop, for the watchdog.
  [[nodiscard]] uint64_t progress() const { return counters_.tick_duration.count(); }
  // What it tells of the messages that somebody follows.
  [[nodiscard]] Tracer& tracer() { return tracer_; }
  [[nodiscard]] const net::EventLoop& loop() const { return *loop_; }
  [[nodiscard]] const transport::MessageSlots& slots() const { return *slots_; }
  [[nodiscard]] const transport::MessageSlots& held_slots() const { return *held_; }

 private:
  class LanePort;
  struct LaneMail;
  Worker(const WorkerOptions& options, const Parts& parts);

  [[nodiscard]] Result<void> build(std::span<transport::ListenerSockets> listeners);
  [[nodiscard]] Result<void> reserve_streams();
  [[nodiscard]] Result<void> add_lane(uint8_t lane,
                                      std::span<transport::ListenerSockets> listeners);
  void on_batch(LanePort& arrival, std::span<const transport::Inbound> batch);
  void dispatch(LanePort& arrival, const transport::Inbound& inbound);
  void on_undelivered(std::string_view octets, const SockAddress& destination);
  [[nodiscard]] Outlook look();
  void look_anew();
  void drain_mailbox();
  void take(const net::Mail& mail);
  [[nodiscard]] bool post(const LaneMail& label, net::MailClass mail_class,
                          std::string_view octets);
  // To label.lane, of another worker; false where that has no room.
  [[nodiscard]] bool post_to(const LaneMail& label, net::MailClass mail_class,
                             std::string_view octets);
  void flush();

  void take(const Task* task);

  // worker_streams.cpp
  transport::SendStatus send_on_stream(LanePort& from, const transport::Flow& flow,
                                       std::span<const std::string_view> pieces);
  [[nodiscard]] bool withdraw(LanePort& from, const transport::Flow& flow, std::string_view branch);
  void on_unsent(LanePort& at, std::string_view message, const transport::Flow& flow);
  void on_disconnected(const transport::Flow& connection, uint64_t lanes);
  [[nodiscard]] bool send_elsewhere(LanePort& from, std::string_view response,
                                    const transport::Flow& gone);
  [[nodiscard]] std::string_view gather(std::span<const std::string_view> pieces);
  void run_timers();
  [[nodiscard]] std::optional<Instant> next_deadline() const;
  void finish_tick();
  [[nodiscard]] bool is_mine(size_t lane) const;
  [[nodiscard]] LanePort& port(size_t lane) const;

  const WorkerOptions options_;
  const Parts parts_;
  Outlook outlook_;
  std::unique_ptr<net::EventLoop> loop_;
  std::unique_ptr<net::Mailbox> mailbox_;
  std::unique_ptr<net::DatagramBatch> batch_;
  std::unique_ptr<transport::MessageSlots> slots_;
  std::unique_ptr<transport::MessageSlots> held_;
  // With streams.
  std::unique_ptr<transport::MessageSlots> unfinished_;
  std::optional<MemoryRegion> area_;      // what a read of a stream brings
  std::optional<MemoryRegion> gathered_;  // a message for another lane's connection, in one piece
  std::vector<std::unique_ptr<LanePort>> ports_;
  std::vector<Worker*> workers_;
  sip::Message scratch_;
  Tick tick_;
  Tracer tracer_{outlook_, tick_};
  WorkerCounters counters_;
  std::atomic<const Task*> task_{nullptr};
  std::atomic<bool> stopping_{false};
};

}  // namespace siplb::proxy
