// One metric: what the reference says of it, and how its series are written.
//
// Thread: any, immutable.
#pragma once

#include <span>

#include "observe/metrics.h"
#include "observe/series.h"

namespace siplb::observe {

struct Family {
  MetricReference reference;
  void (*fill)(Series&);
};

// The metrics of servers' health, calls and names.
[[nodiscard]] std::span<const Family> health_families();
// The metrics of connections.
[[nodiscard]] std::span<const Family> stream_families();

[[nodiscard]] std::string_view send_status_name(transport::SendStatus status);

}  // namespace siplb::observe
