// The prober: asks every server, again and again, whether it lives (DESIGN 6, 7).
//
// A thread of its own with sockets, buffers, timers and a raised priority of its own, so that
// probes never queue behind traffic. One probe per server at a time, spread over the interval. It
// takes the lanes' signals from its mailbox, runs one balance::ServerHealth per server, and
// publishes what comes of it as a balance::PoolStatus: at once when something changes. Thread: one
// (run); tell(), stop() and the views from any. Bounds: ProberOptions; no heap after create() but
// for a new plan and a new status.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "balance/health_signal.h"
#include "balance/load_board.h"
#include "base/counter.h"
#include "base/duration_buckets.h"
#include "base/event_ring.h"
#include "base/hash.h"
#include "base/published.h"
#include "health/probe_plan.h"
#include "net/udp_socket.h"
#include "transport/connection_census.h"

namespace siplb::health {

// One change of a server's state, as operators see it.
struct Transition {
  Instant at{};
  std::chrono::system_clock::time_point wall{};
  balance::HealthState health = balance::HealthState::Unknown;
  balance::OperatorState operator_state = balance::OperatorState::Ready;
  balance::HealthReason reason = balance::HealthReason::Start;
};

struct ProbeCounters {  // of one server; one writer, any reader
  Counter sent;
  Counter answered;
  Counter failed;         // timed out, refused or a bad code
  Counter disagreements;  // falls that traffic has vetoed
  DurationBuckets probe_time;
};

class Prober final : public balance::HealthSink {
 public:
  static constexpr size_t kTransitionsKept = 20;  // of each server

  struct Options {
    size_t worker_count = 1;  // readers of the status
    size_t server_count = 0;
    size_t group_count = 0;
    size_t signals = 1024;  // that may wait, a power of two
    HashKey probe_key;      // of the branches of probes
    uint32_t seed = 0;      // spreads the probes
  };
  // All are borrowed.
  struct Parts {
    Published<ProbePlan>& plans;  // the prober is reader 0
    const balance::LoadBoard& load;
    transport::ConnectionCensus& census;
    EventRing& events;
    // By listener: what probes with source: listener are sent by. Null where it has no UDP.
    std::span<const net::UdpSocket* const> listener_sockets;
  };
  [[nodiscard]] static Result<std::unique_ptr<Prober>> create(const Options& options,
                                                              const Parts& parts);
  [[nodiscard]] static size_t memory_octets(const Options& options);
  ~Prober() override;

  // Serves until stop(). Raises its own priority; what is refused of that is told by priority().
  void run();
  void stop();
  // The plan has changed: look now.
  void wake();

  // From any thread.
  void tell(const balance::HealthSignal& signal, std::string_view octets = {}) override;

  // What the lanes read, worker w as reader w; one more reader, number worker_count, is the
  // control thread's.
  [[nodiscard]] Published<balance::PoolStatus>& status();
  // From any thread.
  [[nodiscard]] const ProbeCounters& counters(balance::ServerIndex server) const;
  [[nodiscard]] std::vector<Transition> transitions(balance::ServerIndex server) const;
  [[nodiscard]] uint64_t lost_signals() const;
  // Turns of the loop, for the watchdog.
  [[nodiscard]] uint64_t progress() const;
  enum class Priority : uint8_t { RealTime, Raised, Ordinary };
  [[nodiscard]] Priority priority() const;

 private:
  class Impl;  // sockets and timers, in prober.cpp
  Prober();
  std::unique_ptr<Impl> impl_;
};

}  // namespace siplb::health
