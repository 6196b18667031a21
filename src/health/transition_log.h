// The last changes of each server's state, for operators.
//
// Thread: any, synchronised inside: the prober adds, the control thread reads; no worker does
// either. Bounds: kKept of each server; no heap after the constructor but for what of() returns.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <vector>

#include "balance/health.h"
#include "balance/pool_status.h"
#include "base/time.h"

namespace siplb::health {

// One change of a server's state, as operators see it.
struct Transition {
  Instant at{};
  std::chrono::system_clock::time_point wall{};
  balance::HealthState health = balance::HealthState::Unknown;
  balance::OperatorState operator_state = balance::OperatorState::Ready;
  balance::HealthReason reason = balance::HealthReason::Start;
};

class TransitionLog {
 public:
  static constexpr size_t kKept = 20;

  explicit TransitionLog(size_t server_count) : servers_(server_count) {}
  [[nodiscard]] static size_t memory_octets(size_t server_count);

  // Requires: the server is one of them.
  void add(balance::ServerIndex server, const Transition& transition);
  // The oldest first. Requires: the server is one of them.
  [[nodiscard]] std::vector<Transition> of(balance::ServerIndex server) const;

 private:
  struct Entries {
    std::array<Transition, kKept> kept;  // number n at n mod kKept
    size_t count = 0;                    // ever added
  };

  mutable std::mutex mutex_;
  std::vector<Entries> servers_;  // guarded by mutex_
};

}  // namespace siplb::health
