// One lane's SIP: a share of the calls, with their affinity, on one thread (DESIGN 3).
//
// Takes a message that lives here, gives it one verdict, counts that verdict, and sends what
// follows from it. Pure but for the wire: tests put a fake network and a fake clock around it.
// Thread: one, the lane's worker. Bounds: the memory given; no heap after the constructor.
#pragma once

#include <span>

#include "balance/affinity.h"
#include "proxy/forwarder.h"
#include "proxy/intake.h"
#include "proxy/local_reply.h"
#include "proxy/name_waits.h"
#include "proxy/request_path.h"
#include "proxy/response_path.h"
#include "transport/wire.h"

namespace siplb::proxy {

struct LaneOptions {
  uint8_t index = 0;
  size_t worker = 0;  // that it belongs to
  uint32_t lane_count = 1;
  balance::AffinityOptions affinity;
  transaction::TimerOptions timers;
  Instant started_at{};
  uint64_t turns_seed = 0;      // where turns and draws among servers begin
  bool has_old_tables = false;  // an earlier process has filled the affinity tables
};

struct LaneMemory {
  std::span<balance::AffinityEntry> calls;
  std::span<balance::AffinityEntry> others;
  std::span<MovedFlow> moved;
  ContextStore& contexts;
};

class Lane {
 public:
  // All are borrowed for the lane's life.
  struct Parts {
    LaneMemory memory;
    transport::Wire& wire;
    LaneCounters& counters;
    EventRing& events;
    balance::LoadBoard& load;
    balance::CallCounts& calls;
    balance::HealthSink& health;
    NameAsks& names;
  };
  Lane(const LaneOptions& options, const Outlook& outlook, const Parts& parts);

  // Takes a message that arrived at this lane and belongs to it. `message` is scratch for the scan.
  void receive(const transport::Inbound& inbound, sip::Message& message, const Tick& tick);
  // Takes a message that arrived at another lane but belongs to this one.
  void take_over(const transport::Inbound& inbound, sip::Message& message, const Tick& tick);

  // The wire says that something of this lane's did not arrive.
  void on_undelivered(const sip::Quote& quote, const SockAddress& destination, const Tick& tick) {
    stateful_.on_undelivered(quote, destination, tick);
  }
  // A request of this lane's was queued for a stream and never left.
  void on_unsent(const sip::Quote& quote, const Tick& tick) { stateful_.on_unsent(quote, tick); }
  // A stream has ended by which requests of this lane's were sent.
  void on_disconnected(const transport::Flow& connection, const Tick& tick) {
    stateful_.on_disconnected(connection, tick);
  }
  // The outlook has a new book of names.
  void on_names(const Tick& tick) { request_path_.on_names(tick); }
  // When run_timers() has work; nothing where no timer runs.
  [[nodiscard]] std::optional<Instant> next_deadline();
  void run_timers(const Tick& tick);

  // Account for a message that arrived here and belongs to another lane.
  void hand_out(const transport::Inbound& inbound);
  // The same where that lane has no room for it: a request that nobody would repeat is answered.
  void drop_for_full_mailbox(const transport::Inbound& inbound, sip::Message& message,
                             const Tick& tick);

 private:
  void sweep(Instant now);
  void count_received(const transport::Inbound& inbound);
  void decide(const transport::Inbound& inbound, sip::Message& message, const Tick& tick);
  Verdict answer_stun(const transport::Inbound& inbound);
  Verdict judge(const transport::Inbound& inbound, sip::Message& message, const Tick& tick);
  void conclude(const transport::Inbound& inbound, const sip::Message& message, Verdict verdict,
                const Tick& tick);

  const uint8_t index_;
  const Outlook& outlook_;
  LaneCounters& counters_;
  EventRing& events_;
  Intake intake_;
  balance::AffinityTable affinity_;
  MovedFlows moved_;
  TargetChooser chooser_;
  Forwarder forwarder_;
  SizeRule size_rule_;
  LocalReply local_reply_;
  NameWaits name_waits_;
  StatefulPath stateful_;
  RequestPath request_path_;
  ResponsePath response_path_;
  const size_t sweep_entries_;  // of the call table, at a time
  Instant swept_at_;
};

}  // namespace siplb::proxy
