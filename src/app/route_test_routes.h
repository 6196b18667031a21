// The verb `route-test`: what would become of a message, and why (proxy/route_test.h).
//
//   POST /v1/route-test?listener=NAME&transport=udp&source=IP:PORT&local=IP   the message itself
//
// Nothing changes by it, so the read socket takes it too.
// Thread: any, see admin_route.h.
#pragma once

#include "app/admin_route.h"
#include "app/control.h"

namespace siplb::app {

// The control is borrowed.
[[nodiscard]] AdminRoutes route_test_routes(Control& control);

}  // namespace siplb::app
