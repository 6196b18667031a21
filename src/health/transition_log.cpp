#include "health/transition_log.h"

#include <algorithm>

#include "base/assert.h"

namespace siplb::health {

size_t TransitionLog::memory_octets(size_t server_count) {
  return server_count * sizeof(Entries);
}

void TransitionLog::add(balance::ServerIndex server, const Transition& transition) {
  const std::lock_guard lock(mutex_);
  SIPLB_ASSERT(server < servers_.size());
  Entries& entries = servers_[server];
  entries.kept[entries.count++ % kKept] = transition;
}

std::vector<Transition> TransitionLog::of(balance::ServerIndex server) const {
  const std::lock_guard lock(mutex_);
  SIPLB_ASSERT(server < servers_.size());
  const Entries& entries = servers_[server];
  std::vector<Transition> transitions;
  for (size_t n = entries.count - std::min(entries.count, kKept); n < entries.count; ++n) {
    transitions.push_back(entries.kept[n % kKept]);
  }
  return transitions;
}

}  // namespace siplb::health
