#include "proxy/snapshot.h"

#include <algorithm>

namespace siplb::proxy {
namespace {

using transport::ListenerIndex;

// The listener that a server's group names, else the best one. The configuration refuses servers
// that no listener reaches.
std::vector<ListenerIndex> select_server_sides(const SnapshotParts& parts,
                                               const balance::Topology& topology) {
  std::vector<ListenerIndex> sides;
  for (const balance::Server& server : topology.servers()) {
    const auto& named = topology.groups()[server.group].options.listener;
    const auto best = select_server_side(
        parts.listeners, {server.address, server.transport, server.takes_tcp}, parts.host);
    sides.push_back(named.value_or(best.value_or(ListenerIndex{0})));
  }
  return sides;
}

std::vector<HeaderFilter> make_filters(std::span<const transport::ListenerOptions> listeners) {
  std::vector<HeaderFilter> filters;
  for (const auto& listener : listeners) filters.emplace_back(listener.headers);
  return filters;
}

// What is left of its rate goes on where the route had the same one before.
std::shared_ptr<balance::RateLimit> rate_of(const RouteOptions& route, const Routing* before) {
  if (route.rate == 0) return nullptr;
  if (before != nullptr) {
    const auto same = std::find_if(
        before->routes.begin(), before->routes.end(),
        [&](const RouteOptions& old) { return old.name == route.name && old.rate == route.rate; });
    if (same != before->routes.end()) {
      return before->rates[static_cast<size_t>(same - before->routes.begin())];
    }
  }
  return std::make_shared<balance::RateLimit>(route.rate);
}

}  // namespace

Routing::Routing(std::span<const RouteOptions> options, size_t worker_count, const Routing* before)
    : routes(options.begin(), options.end()) {
  for (const RouteOptions& route : routes) rates.push_back(rate_of(route, before));
  for (size_t w = 0; w < worker_count; ++w) {
    tables.push_back(std::make_unique<const RouteTable>(routes));
  }
}

Snapshot make_snapshot(const SnapshotParts& parts) {
  balance::Topology topology(parts.groups, parts.places);
  Snapshot snapshot{.topology = topology,
                    .sides = Sides(parts.listeners, parts.bound, parts.names, parts.host),
                    .header_filters = make_filters(parts.listeners),
                    .server_sides = select_server_sides(parts, topology),
                    .gone_server_side = {},
                    .client_side = {},
                    .routing = parts.routing,
                    .seal = parts.seal,
                    .table_key = parts.table_key,
                    .scan_limits = parts.scan_limits,
                    .message_octets_max = parts.message_octets_max,
                    .logs_calls = parts.logs_calls,
                    .self_probe = parts.self_probe,
                    .config_hash = parts.config_hash,
                    .steered = parts.steered};
  for (const auto& any : {SockAddress::v4(0, 0), SockAddress::v6({}, 0)}) {
    for (const auto transport : {sip::Transport::Udp, sip::Transport::Tcp}) {
      const auto family = static_cast<size_t>(any.family());
      const auto kind = static_cast<size_t>(transport);
      snapshot.gone_server_side[family][kind] =
          select_server_side(parts.listeners, {any, transport}, parts.host);
      snapshot.client_side[family][kind] =
          select_client_side(parts.listeners, any.family(), transport);
    }
  }
  return snapshot;
}

std::optional<transport::Flow> Snapshot::flow_to(balance::ServerIndex server,
                                                 const ServerPlace& place) const {
  if (server != balance::kNoServer &&
      sides[server_sides[server]].has(place.address.family(), place.transport)) {
    return sides.flow_to(server_sides[server], place);
  }
  const auto side = side_for(gone_server_side, place);
  if (!side) return std::nullopt;
  return sides.flow_to(*side, place);
}

}  // namespace siplb::proxy
