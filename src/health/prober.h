// The prober: asks every server, again and again, whether it lives (DESIGN 6, 7).
//
// A thread of its own with sockets, buffers, timers and a raised priority of its own, so that
// probes never queue behind traffic. One probe per server at a time, spread over the interval. It
// takes the lanes' signals from its mailbox, runs one balance::ServerHealth per server, and
// publishes what comes of it as a balance::PoolStatus: at once when something changes.
// Thread: one (run); tell(), wake(), stop() and the views from any. Bounds: its options; at most
// one descriptor per server; no heap after create() but for a new plan and a new status.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "balance/health_signal.h"
#include "balance/load_board.h"
#include "base/counter.h"
#include "base/duration_buckets.h"
#include "base/event_ring.h"
#include "base/hash.h"
#include "base/published.h"
#include "base/result.h"
#include "health/priority.h"
#include "health/probe_plan.h"
#include "health/self_probes.h"
#include "health/transition_log.h"
#include "net/udp_socket.h"

namespace siplb::health {

// Of one server; one writer, any reader. Each probe sent ends up answered or failed.
struct ProbeCounters {
  Counter sent;
  Counter answered;
  Counter failed;              // timed out, refused, unsendable or a bad code
  Counter disagreements;       // falls that traffic has vetoed
  DurationBuckets probe_time;  // until it was answered, whatever the code
};

class Prober final : public balance::HealthSink {
 public:
  using Priority = health::Priority;

  struct Options {
    size_t reader_count = 1;  // of the status
    size_t server_count = 0;
    size_t group_count = 0;
    size_t signals = 256;  // that may wait, a power of two, at least 2
    HashKey probe_key;     // of the branches of probes
    uint32_t seed = 0;     // spreads the probes
  };
  // All are borrowed until run() has returned.
  struct Parts {
    Published<ProbePlan>& plans;  // the prober is reader 0
    const balance::LoadBoard& load;
    EventRing& events;
    // By listener: what probes with source: listener are sent by. Null where it has no UDP.
    std::span<const net::UdpSocket* const> listener_sockets;
  };
  [[nodiscard]] static Result<std::unique_ptr<Prober>> create(const Options& options,
                                                              const Parts& parts);
  [[nodiscard]] static size_t memory_octets(const Options& options);
  ~Prober() override;

  // Serves until stop(), once. Raises its thread's priority; what is refused of that is an event
  // each, and what it is now told by priority().
  void run();
  void stop();
  // Looks for a new plan now; without one it is just another turn. A plan has as many targets and
  // groups as the options say.
  void wake();

  // From any thread.
  void tell(const balance::HealthSignal& signal, std::string_view octets = {}) override;

  // What workers and others read; the readers are the caller's to number.
  [[nodiscard]] Published<balance::PoolStatus>& status();
  // From any thread.
  [[nodiscard]] const ProbeCounters& counters(balance::ServerIndex server) const;
  [[nodiscard]] const SelfProbeCounters& self_probes(transport::ListenerIndex listener) const;
  // Its last TransitionLog::kKept, the oldest first.
  [[nodiscard]] std::vector<Transition> transitions(balance::ServerIndex server) const;
  [[nodiscard]] uint64_t lost_signals() const;
  // Turns of the loop, for the watchdog.
  [[nodiscard]] uint64_t progress() const;
  [[nodiscard]] Priority priority() const;

 private:
  class Impl;  // sockets and timers, in prober.cpp
  explicit Prober(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace siplb::health
