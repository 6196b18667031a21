// Where a request goes that says so itself: by a Path or Route, or by its Request-URI (SIP.md, 3,
// "Towards a client"); each of them by an address or, where a server wrote it, by a name (RFC
// 3263).
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
  if (!request.sender.is_server()) return Named::refused(403);
  return read_goal(request, NamedBy::Route, {&RequestPath::goal_of_ours, 403});
}

RequestPath::Named RequestPath::read_uri_goal(const Request& request) const {
  const sip::Uri& uri = request.message.uri;
  if (outlook_.snapshot->sides.is_ours(uri, request.source.local)) return Named::refused(404);
  return read_goal(request, NamedBy::RequestUri, {&RequestPath::goal_anywhere, 480});
}

// No client makes us ask a name server.
RequestPath::Named RequestPath::read_goal(const Request& request, NamedBy by,
                                          const Reach& reach) const {
  const sip::Uri& uri = uri_of(request, by);
  if (const auto place = read_place(uri)) {
    const auto goal = (this->*reach.goal_at)(request, *place);
    return goal ? Named::at(*goal) : Named::refused(reach.refusal);
  }
  const auto name = request.sender.is_server() ? read_name(uri) : std::nullopt;
  if (!name) return Named::refused(reach.refusal);
  const auto found = outlook_.names->find(*name);
  if (found == outlook_.names->end()) return Named::awaits(by);
  const NameEntry& entry = found->second;
  // Where that fails it goes on being asked for until it is forgotten.
  if (request.tick.now >= entry.ask_at)
    static_cast<void>(parts_.waits.ask(*name, request.tick.now));
  if (const auto goal = choose_goal(request, entry, reach)) return Named::at(*goal);
  parts_.counters.names_refused[NameRefusal::Nowhere].add();
  return Named::refused(entry.places.empty() ? 480 : reach.refusal);
}

// Of the best rank that has any, by their shares (RFC 2782); the same one for all that bears the
// request's branch, as long as the name leads to the same.
std::optional<Goal> RequestPath::choose_goal(const Request& request, const NameEntry& entry,
                                             const Reach& reach) const {
  const auto goal_at = [&](const NamedPlace& place) -> std::optional<Goal> {
    const bool is_ours = outlook_.snapshot->sides.is_ours(place.address, request.source.local);
    return is_ours ? std::nullopt
                   : (this->*reach.goal_at)(request, {place.address, place.transport});
  };
  uint8_t rank = 0;
  uint64_t shares = 0;
  for (const NamedPlace& place : entry.places) {
    if ((shares != 0 && place.rank != rank) || !goal_at(place)) continue;
    rank = place.rank;
    shares += place.share;
  }
  if (shares == 0) return std::nullopt;
  uint64_t draw = request.branch.key() % shares;
  for (const NamedPlace& place : entry.places) {
    const auto goal = place.rank == rank ? goal_at(place) : std::nullopt;
    if (!goal) continue;
    if (draw < place.share) return goal;
    draw -= place.share;
  }
  return std::nullopt;
}

std::optional<Goal> RequestPath::goal_of_ours(const Request& /*request*/,
                                              const UriPlace& place) const {
  const auto found = parts_.chooser.find_place(place);
  if (!found) return std::nullopt;
  return Goal{.group = found->group, .target = found->target, .is_only_one = true};
}

std::optional<Goal> RequestPath::goal_anywhere(const Request& request,
                                               const UriPlace& place) const {
  if (const auto goal = goal_of_ours(request, place)) return goal;
  const ServerPlace client{place.address, place.transport.value_or(sip::Transport::Udp)};
  const auto side = side_for(outlook_.snapshot->client_side, client);
  if (!side || !is_within_reach(client.address, outlook_.snapshot->sides[*side])) {
    return std::nullopt;
  }
  return only_goal(request, {.to = outlook_.snapshot->sides.flow_to(*side, client)});
}

Verdict RequestPath::start(const Request& request, const Named& named) {
  if (named.goal) return parts_.stateful.start(request, *named.goal);
  return named.awaited == NamedBy::Nothing ? *named.refusal : await(request, named.awaited);
}

// Whoever has no answer repeats his 2xx and so gets another ACK, when the name is known.
Verdict RequestPath::await(const Request& request, NamedBy by) {
  if (request.message.method != sip::Method::Ack) return parts_.stateful.await(request, by);
  static_cast<void>(parts_.waits.ask(*read_name(uri_of(request, by)), request.tick.now));
  return Verdict::drop(DropReason::NameUnknown);
}

void RequestPath::on_names(const Tick& tick) {
  for (ResponseContext* const context : parts_.waits.take_known(*outlook_.names)) {
    const Request request = parts_.stateful.read_held(*context, tick);
    const Named named =
        context->awaited == NamedBy::Route ? read_named_goal(request) : read_uri_goal(request);
    if (named.goal) {
      parts_.stateful.go_on(*context, request, *named.goal);
    } else {
      parts_.stateful.turn_away(*context, named.refusal ? named.refusal->code : 480, tick);
    }
  }
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
