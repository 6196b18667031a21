// The verbs that only look: groups, listeners, workers, connections, memory, traffic, events, bans
// and metrics. Servers have verbs of their own (server_routes.h), and so has the node.
//
// Thread: any, see admin_route.h.
#pragma once

#include "app/admin_api.h"

namespace siplb::app {

// What is in the parts is borrowed.
[[nodiscard]] AdminRoutes view_routes(const AdminParts& parts);

}  // namespace siplb::app
