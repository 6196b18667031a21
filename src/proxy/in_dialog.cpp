// Requests with a To tag, and every ACK: to the other end of their dialog (SIP.md 3).
#include "proxy/request_path.h"

namespace siplb::proxy {
namespace {

// Requests that may change where a dialog's ends are (RFC 3261, 12.2; RFC 3311; RFC 6665).
bool refreshes_target(sip::Method method) {
  return method == sip::Method::Invite || method == sip::Method::Update ||
         method == sip::Method::Subscribe || method == sip::Method::Notify ||
         method == sip::Method::Refer;
}

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
SockAddress place_of(const Request& request, const Target& target, const Snapshot& snapshot) {
  const SockAddress& own = target.to.remote;
  const sip::Uri& uri = request.routes.has_next() ? request.routes.next : request.message.uri;
  const auto place = udp_literal(uri);
  // Where a server shares our address, we would be such a place ourselves: a loop.
  if (!place || snapshot.sides.is_ours(uri, request.source.local)) return own;
  const bool inside =
      target.server == balance::kNoServer
          ? place->same_ip(own)
          : snapshot.topology.is_target(snapshot.topology.servers()[target.server].group, *place);
  return inside && place->family() == own.family() ? *place : own;
}

bool is_dialog_token(const RouteSet& routes) {
  return routes.has_token && routes.token.kind == sip::TokenKind::Dialog;
}

}  // namespace

Verdict RequestPath::decide_in_dialog(const Request& request) {
  if (!is_dialog_token(request.routes)) return send_without_token(request);
  // By the dialog, not by the source: an end may have moved.
  const sip::Token& token = request.routes.token;
  parts_.chooser.keep_alive(request);
  const bool from_initiator = request.from_tag_hash == token.from_tag_hash;
  const sip::TokenEnd& from = from_initiator ? token.initiator : token.responder;
  const sip::TokenEnd& to = from_initiator ? token.responder : token.initiator;
  // Whoever else has seen the token, a callee for one, may not use it to reach a client.
  if (!to.is_server && !comes_from(request, from, snapshot_.topology)) return Verdict::reply(403);
  note_moves(request, from);
  return send_to_end(request, to);
}

// The client's end of the dialog that sent this: what goes to it follows it from now on.
void RequestPath::note_moves(const Request& request, const sip::TokenEnd& from) {
  if (from.is_server || request.sender.is_server()) return;
  const auto began = snapshot_.sides.find(from.listener);
  const bool is_back = began == request.source.listener && from.address == request.source.remote &&
                       from.local == request.source.local;
  if (is_back) {
    parts_.moved.erase(request.routes.token_text);
  } else {
    parts_.moved.put(request.routes.token_text, request.source, request.tick.now);
  }
}

Verdict RequestPath::send_to_end(const Request& request, const sip::TokenEnd& end) {
  if (end.is_server) {
    const auto server = snapshot_.topology.find_by_id(end.server_id);
    if (server != balance::kNoServer) {
      return send_in_dialog(request, parts_.chooser.target_of(server));
    }
    const auto to = snapshot_.flow_to(server, end.address);
    return to ? send_in_dialog(request, {.to = *to}) : refuse_gone(request.message);
  }
  Target client;
  if (const auto flow = flow_to_client(request, end)) {
    client.to = *flow;
  } else {
    // Its listener is gone. Only a server may say where else it is.
    const Named named = request.sender.is_server() ? read_uri_goal(request) : Named{};
    if (!named.goal) return Verdict::reply(480);
    client = named.goal->target;
  }
  Outgoing outgoing;
  if (refreshes_target(request.message.method)) {
    outgoing.record_route_token = request.routes.token_text;
  }
  return forward(request, client, outgoing);
}

Verdict RequestPath::send_without_token(const Request& request) {
  const Named named = read_named_goal(request);
  if (named.refusal) return *named.refusal;
  if (named.goal) return forward(request, named.goal->target, {});
  Target target;
  switch (parts_.chooser.find_affine(request, target)) {
    case TargetChooser::Affine::Found: return send_to_server(request, target);
    case TargetChooser::Affine::Gone: return refuse_gone(request.message);
    case TargetChooser::Affine::Nothing: break;
  }
  const auto index = select_route(request);
  if (!index) return Verdict::reply(481);
  const RouteOptions& route = snapshot_.routes[*index];
  switch (route.action) {
    case RouteAction::Drop: return Verdict::drop(DropReason::Route);
    case RouteAction::Reject: return Verdict::reply(route.reject_code, route.reject_reason);
    case RouteAction::ForwardByUri: {
      const Named by_uri = read_uri_goal(request);
      return by_uri.goal ? forward(request, by_uri.goal->target, {}) : *by_uri.refusal;
    }
    case RouteAction::Group: break;
  }
  const balance::GroupOptions& group = snapshot_.topology.groups()[route.group].options;
  const auto first = parts_.chooser.first_choice(request, route);
  if (request.sender.is_server() || !group.tokenless_dialogs || !first) return Verdict::reply(481);
  if (is_over_rate(*index, request.tick)) return Verdict::reply(503, {}, StatefulPath::kRetryAfter);
  return forward(request, *first, {});
}

// To the server that has the call, at the port that its Contact names: an ACK to a failure bears
// the URI of its INVITE, which may name another server.
Verdict RequestPath::send_to_server(const Request& request, const Target& target) {
  Target place = target;
  const SockAddress named = place_of(request, target, snapshot_);
  if (named.same_ip(target.to.remote)) place.to.remote = named;
  return forward(request, place, {});
}

Verdict RequestPath::send_in_dialog(const Request& request, const Target& target) {
  Target place = target;
  place.to.remote = place_of(request, target, snapshot_);
  Outgoing outgoing;
  if (refreshes_target(request.message.method)) {
    outgoing.record_route_token = request.routes.token_text;
  }
  return forward(request, place, outgoing);
}

}  // namespace siplb::proxy
