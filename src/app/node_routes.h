// The verbs of the node as a whole: what runs here, its key, draining it, reading its file again.
//
//   GET  /v1/status
//   GET  /v1/key          the fingerprint, never the key
//   GET  /v1/drain
//   POST /v1/drain        {"drain": true}, or false
//   POST /v1/reload       {}, or {"state": "reset"}
//
// Thread: any, see admin_route.h.
#pragma once

#include "app/admin_api.h"

namespace siplb::app {

// What is in the parts is borrowed.
[[nodiscard]] AdminRoutes node_routes(const AdminParts& parts);

}  // namespace siplb::app
