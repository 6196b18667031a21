#include "proxy/route_match.h"

namespace siplb::proxy {
namespace {

bool has_bit(uint64_t set, unsigned position) {
  return (set >> position & 1) != 0;
}

bool takes_sender(const RouteOptions& route, uint64_t sender_groups) {
  if (!route.from_group) return sender_groups == 0;
  return has_bit(sender_groups, *route.from_group);
}

}  // namespace

const RouteOptions* select_route(std::span<const RouteOptions> routes, const RouteQuery& query) {
  for (const RouteOptions& route : routes) {
    if (has_bit(route.methods, static_cast<unsigned>(query.method)) &&
        has_bit(route.listeners, query.source.listener) &&
        has_bit(route.transports, static_cast<unsigned>(query.source.transport)) &&
        takes_sender(route, query.sender_groups)) {
      return &route;
    }
  }
  return nullptr;
}

}  // namespace siplb::proxy
