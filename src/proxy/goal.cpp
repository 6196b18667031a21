// Where a request goes that says so itself: by a Path or Route, or by its Request-URI (SIP.md, 3,
// "Towards a client").
#include "proxy/request_path.h"

namespace siplb::proxy {
namespace {

// A private address is somebody else's where the side that we would send from is public: that of a
// client behind a NAT, which only a flow reaches. Nobody who may be called is at an address of
// many, or at one of this host's own.
bool is_within_reach(const SockAddress& remote, const Side& side) {
  if (!remote.is_of_one_host()) return false;
  if (remote.is_loopback()) return side.bound.is_loopback();
  if (!remote.is_private()) return true;
  const SockAddress& own = side.name_for(remote).literal;
  return (own.family() == SockAddress::Family::None ? side.bound : own).is_private();
}

// By the group of the server that sent it: it has the options.
balance::GroupIndex group_of(const Request& request, const Snapshot& snapshot) {
  return snapshot.topology.servers()[request.sender.server].group;
}

}  // namespace

RequestPath::Named RequestPath::read_named_goal(const Request& request) const {
  const RouteSet& routes = request.routes;
  if (routes.has_token && routes.token.kind == sip::TokenKind::Path) {
    const auto to = flow_to_client(request, routes.token.initiator);
    if (!to) return Named::refused(430);
    return Named::at(
        {.group = group_of(request, snapshot_), .target = {.to = *to}, .is_only_one = true});
  }
  if (!routes.has_next()) return {};
  const auto next = udp_literal(routes.next);
  // A third one of ours would lead back here.
  if (!request.sender.is_server() || !next ||
      snapshot_.sides.is_ours(routes.next, request.source.local)) {
    return Named::refused(403);
  }
  const auto place = parts_.chooser.find_place(*next);
  if (!place) return Named::refused(403);
  return Named::at({.group = place->group, .target = place->target, .is_only_one = true});
}

RequestPath::Named RequestPath::read_uri_goal(const Request& request) const {
  const sip::Uri& uri = request.message.uri;
  if (snapshot_.sides.is_ours(uri, request.source.local)) return Named::refused(404);
  const auto remote = udp_literal(uri);
  if (!remote) return Named::refused(480);
  if (const auto place = parts_.chooser.find_place(*remote)) {
    return Named::at({.group = place->group, .target = place->target, .is_only_one = true});
  }
  const auto side = snapshot_.client_side[static_cast<size_t>(remote->family())];
  if (!side || !is_within_reach(*remote, snapshot_.sides[*side])) return Named::refused(480);
  return Named::at({.group = group_of(request, snapshot_),
                    .target = {.to = snapshot_.sides.flow_to(*side, *remote)},
                    .is_only_one = true});
}

std::optional<transport::Flow> RequestPath::flow_to_client(const Request& request,
                                                           const sip::TokenEnd& end) const {
  const auto moved = parts_.moved.find(request.routes.token_text, request.tick.now);
  if (moved != nullptr) return *moved;
  const auto listener = snapshot_.sides.find(end.listener);
  if (!listener) return std::nullopt;
  const bool is_wildcard = snapshot_.sides[*listener].bound.is_wildcard();
  return transport::Flow{.remote = end.address,
                         .local = is_wildcard ? end.local : SockAddress{},
                         .listener = *listener,
                         .transport = end.transport};
}

}  // namespace siplb::proxy
