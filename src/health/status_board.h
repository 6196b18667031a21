// What is known of all servers: as it is published, with each change as a transition and an event.
//
// Thread: one, the prober's; transitions() and what is published may be read by any.
// Bounds: its options; no heap but for each status that is published.
#pragma once

#include <cstddef>

#include "balance/health.h"
#include "balance/pool_status.h"
#include "base/event_ring.h"
#include "base/published.h"
#include "health/probe_plan.h"
#include "health/transition_log.h"

namespace siplb::health {

class StatusBoard {
 public:
  struct Options {
    size_t reader_count = 1;
    size_t server_count = 0;
    size_t group_count = 0;
  };
  // The ring is borrowed. All servers are unknown and ready.
  StatusBoard(const Options& options, EventRing& events);
  [[nodiscard]] static size_t memory_octets(const Options& options);

  // Nothing is known of the server any more, for this reason.
  void forget(balance::ServerIndex server, balance::HealthReason reason, Instant now);
  void show(balance::ServerIndex server, const balance::ServerHealth& health, Instant now);
  void show(balance::ServerIndex server, balance::OperatorState state, Instant now);
  // What groups are judged by has changed: their weights, say.
  void set_changed() { is_changed_ = true; }

  [[nodiscard]] const balance::PoolStatus& current() const { return current_; }
  // Publishes current(), judged by the groups' rules, if anything has changed since the last time.
  // Requires: the plan has as many servers and groups.
  void publish(const ProbePlan& plan, Instant now);

  [[nodiscard]] Published<balance::PoolStatus>& published() { return published_; }
  [[nodiscard]] const TransitionLog& transitions() const { return transitions_; }

 private:
  void record(balance::ServerIndex server, balance::HealthReason reason, Instant now);
  void post(EventId id, balance::ServerIndex server, Instant now);

  EventRing& events_;
  TransitionLog transitions_;
  Published<balance::PoolStatus> published_;
  balance::PoolStatus current_;
  bool is_changed_ = false;
};

}  // namespace siplb::health
