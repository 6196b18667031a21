// Which route takes a new request: the first whose every condition holds.
//
// Thread: any, pure.
#pragma once

#include <cstdint>
#include <span>

#include "proxy/route_options.h"

namespace siplb::proxy {

struct RouteQuery {
  sip::Method method = sip::Method::Other;
  transport::Flow source;
  uint64_t sender_groups = 0;  // bit per group that the sender is a server of; 0 = a client
};

// Null where no route takes it.
[[nodiscard]] const RouteOptions* select_route(std::span<const RouteOptions> routes,
                                               const RouteQuery& query);

}  // namespace siplb::proxy
