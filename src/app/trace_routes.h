// The verb `trace`: follows calls live (app/call_trace.h).
//
//   GET /v1/trace?call_id=TEXT&user=USER&server=GROUP/NAME&seconds=N&count=N
//
// Of what is given all must hold; nothing follows everything. One trace at a time: 429.
// Thread: any, see admin_route.h.
#pragma once

#include <vector>

#include "app/admin_route.h"
#include "app/control.h"
#include "proxy/tracer.h"

namespace siplb::app {

// The control and the tracers, of all workers, are borrowed.
[[nodiscard]] AdminRoutes trace_routes(Control& control, std::vector<proxy::Tracer*> tracers);

}  // namespace siplb::app
