// The few numbers that say at a glance how siplbd is: for the status line of the service manager.
//
// Thread: as Metrics; a look costs the workers nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "observe/metrics.h"

namespace siplb::observe {

struct Vitals {
  size_t servers = 0;     // that have an address
  size_t servers_up = 0;  // of them, those that are not down
  uint64_t calls = 0;     // that servers have
  uint64_t messages = 0;  // received since the start
  // How long the slowest listener's last answer to ourselves took; kLost: one has not answered;
  // nothing: none is asked.
  static constexpr Duration kLost = Duration::max();
  std::optional<Duration> self_probe;
};

[[nodiscard]] Vitals vitals(const MetricsSource& source);

}  // namespace siplb::observe
