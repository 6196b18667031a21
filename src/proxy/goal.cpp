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

}  // namespace

// To a place that the request names itself: nobody else will do.
Goal RequestPath::only_goal(const Request& request, const Target& target) const {
  // That of the server at either end has the options.
  const balance::ServerIndex server =
      target.server != balance::kNoServer ? target.server : request.sender.server;
  const bool is_none = server == balance::kNoServer;
  return {.group = is_none ? balance::GroupIndex{0} : outlook_.topology().servers()[server].group,
          .target = target,
          .is_only_one = true};
}

RequestPath::Named RequestPath::read_named_goal(const Request& request) const {
  const RouteSet& routes = request.routes;
  if (routes.has_token && routes.token.kind == sip::TokenKind::Path) {
    const auto to = flow_to_client(request, routes.token.initiator);
    if (!to) return Named::refused(430);
    Goal goal = only_goal(request, {.to = *to});
    goal.unreachable_code = 430;
    return Named::at(goal);
  }
  if (!routes.has_next()) return {};
  const auto next = read_place(routes.next);
  if (!request.sender.is_server() || !next) return Named::refused(403);
  const auto place = parts_.chooser.find_place(*next);
  if (!place) return Named::refused(403);
  return Named::at(Goal{.group = place->group, .target = place->target, .is_only_one = true});
}

RequestPath::Named RequestPath::read_uri_goal(const Request& request) const {
  const sip::Uri& uri = request.message.uri;
  if (outlook_.snapshot->sides.is_ours(uri, request.source.local)) return Named::refused(404);
  const auto place_of_uri = read_place(uri);
  if (!place_of_uri) return Named::refused(480);
  if (const auto place = parts_.chooser.find_place(*place_of_uri)) {
    return Named::at(Goal{.group = place->group, .target = place->target, .is_only_one = true});
  }
  const ServerPlace client{place_of_uri->address,
                           place_of_uri->transport.value_or(sip::Transport::Udp)};
  const auto side = side_for(outlook_.snapshot->client_side, client);
  if (!side || !is_within_reach(client.address, outlook_.snapshot->sides[*side]))
    return Named::refused(480);
  return Named::at(only_goal(request, {.to = outlook_.snapshot->sides.flow_to(*side, client)}));
}

std::optional<transport::Flow> RequestPath::flow_to_client(const Request& request,
                                                           const sip::TokenEnd& end) const {
  const auto moved = parts_.moved.find(request.routes.token_text, request.tick.now);
  if (moved != nullptr && parts_.wire.is_alive(*moved)) return *moved;
  const auto listener = outlook_.snapshot->sides.find(end.listener);
  if (!listener) return std::nullopt;
  const bool is_wildcard = outlook_.snapshot->sides[*listener].bound.is_wildcard();
  const transport::Flow flow{.remote = end.address,
                             .local = is_wildcard ? end.local : SockAddress{},
                             .listener = *listener,
                             .transport = end.transport,
                             .connection = transport::ConnectionId::from_number(end.connection)};
  // A stream of an earlier process ended with it, whoever has that number now.
  if (end.connection != 0 && end.instance != outlook_.snapshot->seal.instance())
    return std::nullopt;
  if (!parts_.wire.is_alive(flow)) return std::nullopt;
  return flow;
}

}  // namespace siplb::proxy
