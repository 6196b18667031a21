// Whom the prober is to ask, and from where: what follows from a snapshot and what operators want.
//
// Thread: any. Pure.
#pragma once

#include "app/operator_settings.h"
#include "health/probe_plan.h"
#include "proxy/snapshot.h"

namespace siplb::app {

[[nodiscard]] health::ProbePlan make_probe_plan(const proxy::Snapshot& snapshot,
                                                const OperatorSettings& settings);

}  // namespace siplb::app
