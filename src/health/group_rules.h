// What holds for a group as a whole: when too few of it are up to go by health, and how many of its
// servers may pause at a time.
//
// Who counts is who could get new work if it were healthy: ready, with an address and a weight.
// Thread: any, pure. Bounds: one pass over the servers, no heap.
#pragma once

#include "balance/pool_status.h"
#include "health/probe_plan.h"

namespace siplb::health {

// Sets is_panicking of all groups: where at most panic_below percent of the weight that counts is
// up or unknown. A group of which no server counts is not panicking: nothing would be gained.
// Requires: plan and status are of the same servers and groups.
void find_panics(const ProbePlan& plan, balance::PoolStatus& status);

// Whether `server` may pause because it answered a call 503: no more than half of those of its
// group that count and are not down may do so at once. Whoever fills all servers with calls that
// are answered 503 must not be able to close the group. Requires: the server is in the plan.
[[nodiscard]] bool may_pause(const ProbePlan& plan, const balance::PoolStatus& status,
                             balance::ServerIndex server, Instant now);

}  // namespace siplb::health
