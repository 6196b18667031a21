// The verbs of servers: how they are, and what operators want of them.
//
//   GET  /v1/servers                all servers
//   GET  /v1/servers/GROUP/NAME     one, or the places of a name, with their last transitions
//   POST /v1/servers/GROUP/NAME     {"state": "ready|drain|maint", "weight": 0-1000, "force": true}
//
// Thread: any, see admin_route.h.
#pragma once

#include "app/admin_route.h"
#include "app/control.h"

namespace siplb::app {

// The control is borrowed.
[[nodiscard]] AdminRoutes server_routes(Control& control);

}  // namespace siplb::app
