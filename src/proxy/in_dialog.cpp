// Requests with a To tag, and every ACK: to the other end of their dialog (SIP.md 3).
#include "proxy/dialog_token.h"
#include "proxy/request_path.h"

namespace siplb::proxy {
namespace {

// Whether a request comes from where that end of its dialog, a server's, is: by any port, since
// some servers send from another than they listen on.
bool comes_from(const Request& request, const sip::TokenEnd& end,
                const balance::Topology& topology) {
  if (request.sender.is_server()) return true;
  const SockAddress& source = request.source.remote;
  if (!end.is_server) return false;
  if (end.address.same_ip(source)) return true;
  const balance::ServerIndex server = topology.find_by_id(end.server_id);
  return server != balance::kNoServer &&
         topology.is_target(topology.servers()[server].group, source);
}

// A dialog whose other end has left the configuration or can't be reached any more.
Verdict refuse_gone(const sip::Message& message) {
  return Verdict::reply(message.method == sip::Method::Bye ? 481 : 500);
}

// The next Route, else the Request-URI, where that is a place of the target's group; else the
// target itself. So nothing that a sender writes leads anywhere but to our servers.
transport::Flow flow_to_place(const Request& request, const Target& target,
                              const Snapshot& snapshot) {
  const transport::Flow& own = target.to;
  const sip::Uri& uri = request.routes.has_next() ? request.routes.next : request.message.uri;
  const auto place = read_place(uri);
  // Where a server shares our address, we would be such a place ourselves: a loop.
  if (!place || snapshot.sides.is_ours(uri, request.source.local)) return own;
  const bool inside = target.server == balance::kNoServer
                          ? place->address.same_ip(own.remote)
                          : snapshot.topology.is_target(
                                snapshot.topology.servers()[target.server].group, place->address);
  if (!inside || place->address.family() != own.remote.family()) return own;
  const auto to =
      snapshot.flow_to(target.server, {place->address, place->transport.value_or(own.transport)});
  return to.value_or(own);
}

}  // namespace

Verdict RequestPath::decide_in_dialog(const Request& request) {
  const Named named = read_dialog_goal(request);
  return named.goal ? relay(request, *named.goal) : start(request, named);
}

// What is lost between datagrams its sender repeats; over a stream nobody does, so that there its
// end must be watched. An ACK is never answered.
Verdict RequestPath::relay(const Request& request, const Goal& goal) {
  const sip::TokenText token = dialog_token(*outlook_.snapshot, request, goal.target);
  const Target target = by_size(request, goal.target, token);
  const bool has_stream = request.source.is_stream() || target.to.is_stream();
  const bool needs_state = has_stream && request.message.method != sip::Method::Ack;
  return needs_state ? parts_.stateful.start(request, goal)
                     : forward(request, target, {.record_route_token = token});
}

RequestPath::Named RequestPath::read_dialog_goal(const Request& request) {
  if (!request.routes.has_dialog_token()) return read_tokenless_goal(request);
  // By the dialog, not by the source: an end may have moved.
  const sip::Token& token = request.routes.token;
  parts_.chooser.keep_alive(request, token.initiator);
  const bool from_initiator = request.from_tag_hash == token.from_tag_hash;
  const sip::TokenEnd& from = from_initiator ? token.initiator : token.responder;
  const sip::TokenEnd& to = from_initiator ? token.responder : token.initiator;
  // Whoever else has seen the token, a callee for one, may not use it to reach a client.
  if (!to.is_server && !comes_from(request, from, outlook_.topology())) return Named::refused(403);
  note_moves(request, from);
  return to.is_server ? read_server_end(request, to) : read_client_end(request, to);
}

// The client's end of the dialog that sent this: what goes to it follows it from now on.
void RequestPath::note_moves(const Request& request, const sip::TokenEnd& from) {
  if (from.is_server || request.sender.is_server()) return;
  if (client_end(*outlook_.snapshot, request.source) == from) {
    parts_.moved.erase(request.routes.token_text);
  } else {
    parts_.moved.put(request.routes.token_text, request.source, request.tick.now);
  }
}

RequestPath::Named RequestPath::read_server_end(const Request& request,
                                                const sip::TokenEnd& end) const {
  Target target{.server = outlook_.topology().find_by_id(end.server_id), .to = {}};
  if (target.server != balance::kNoServer) {
    target.to = parts_.chooser.target_of(target.server).to;
  } else {
    const auto to = outlook_.snapshot->flow_to(target.server, {end.address, end.transport});
    if (!to) return Named::refused(refuse_gone(request.message));
    target.to = *to;
  }
  target.to = flow_to_place(request, target, *outlook_.snapshot);
  return Named::at(only_goal(request, target));
}

RequestPath::Named RequestPath::read_client_end(const Request& request,
                                                const sip::TokenEnd& end) const {
  if (const auto flow = flow_to_client(request, end)) {
    Goal goal = only_goal(request, {.to = *flow});
    goal.unreachable_code = 480;
    return Named::at(goal);
  }
  // Its flow is gone. Only a server may say where else it is.
  const Named named = request.sender.is_server() ? read_uri_goal(request) : Named{};
  return named.is_nothing() || named.refusal ? Named::refused(480) : named;
}

RequestPath::Named RequestPath::read_tokenless_goal(const Request& request) {
  const Named named = read_named_goal(request);
  if (!named.is_nothing()) return named;
  Target target;
  switch (parts_.chooser.find_affine(request, target)) {
    case TargetChooser::Affine::Found: return Named::at(goal_at_server(request, target));
    case TargetChooser::Affine::Gone: return Named::refused(refuse_gone(request.message));
    case TargetChooser::Affine::Nothing: break;
  }
  const auto index = select_route(request);
  if (!index) return Named::refused(481);
  const RouteOptions& route = outlook_.snapshot->routing->routes[*index];
  switch (route.action) {
    case RouteAction::Drop: return Named::refused(Verdict::drop(DropReason::Route));
    case RouteAction::Reject:
      return Named::refused(Verdict::reply(route.reject_code, route.reject_reason));
    case RouteAction::ForwardByUri: return read_uri_goal(request);
    case RouteAction::Group: break;
  }
  const balance::GroupOptions& group = outlook_.topology().groups()[route.group].options;
  const auto first = parts_.chooser.first_choice(request, route);
  if (request.sender.is_server() || !group.tokenless_dialogs || !first) return Named::refused(481);
  if (is_over_rate(*index, request.tick)) {
    return Named::refused(Verdict::reply(503, {}, StatefulPath::kRetryAfter));
  }
  return Named::at(only_goal(request, *first));
}

// At the server that has the call, the port that its Contact names: an ACK to a failure bears the
// URI of its INVITE, which may name another server.
Goal RequestPath::goal_at_server(const Request& request, const Target& target) const {
  Target place = target;
  const transport::Flow named = flow_to_place(request, target, *outlook_.snapshot);
  if (named.remote.same_ip(target.to.remote)) place.to = named;
  return only_goal(request, place);
}

}  // namespace siplb::proxy
