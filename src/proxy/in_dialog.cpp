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

// A dialog whose other end has left the configuration or can't be reached any more.
Verdict refuse_gone(const sip::Message& message) {
  return Verdict::reply(message.method == sip::Method::Bye ? 481 : 500);
}

// Where a URI leads, if that is an address that can be reached over UDP.
std::optional<SockAddress> udp_literal(const sip::Uri& uri) {
  const std::string_view transport = uri.param("transport");
  if (uri.scheme != sip::Scheme::Sip) return std::nullopt;
  if (!transport.empty() && !sip::equal_caseless(transport, "udp")) return std::nullopt;
  return uri.literal();
}

// The next Route, else the Request-URI, where that is a place of the target's group; else the
// target itself. So nothing that a sender writes leads anywhere but to our servers.
SockAddress place_of(const Request& request, const Target& target, const Snapshot& snapshot) {
  const sip::Uri& uri = request.routes.has_next() ? request.routes.next : request.message.uri;
  const auto place = udp_literal(uri);
  // Where a server shares our address, we would be such a place ourselves: a loop.
  if (!place || snapshot.sides.is_ours(uri)) return target.address;
  const bool inside =
      target.server == balance::kNoServer
          ? place->same_ip(target.address)
          : snapshot.topology.is_target(snapshot.topology.servers()[target.server].group, *place);
  return inside ? *place : target.address;
}

}  // namespace

Verdict RequestPath::decide_in_dialog(const Request& request) {
  if (!request.routes.has_token) return send_without_token(request);
  // By the dialog, not by the source: an end may have moved, and a forged source gains nothing.
  const sip::Token& token = request.routes.token;
  chooser_.keep_alive(request);
  const bool from_initiator = request.from_tag_hash == token.from_tag_hash;
  return send_to_end(request, from_initiator ? token.responder : token.initiator);
}

Verdict RequestPath::send_to_end(const Request& request, const sip::TokenEnd& end) {
  if (end.is_server) {
    Target target{.server = snapshot_.topology.find_by_id(end.server_id), .address = end.address};
    if (target.server != balance::kNoServer) target = chooser_.target_of(target.server);
    return send_in_dialog(request, target);
  }
  const auto listener = snapshot_.sides.find(end.listener);
  if (!listener) return Verdict::reply(480);
  Outgoing outgoing;
  outgoing.to = {.remote = end.address, .listener = *listener, .transport = end.transport};
  if (refreshes_target(request.message.method)) {
    outgoing.record_route_token = request.routes.token_text;
  }
  forwarder_.forward(request, outgoing);
  return Verdict::forward();
}

Verdict RequestPath::send_without_token(const Request& request) {
  if (request.routes.has_next()) {
    const auto own = own_route_target(request);
    return own ? send_in_dialog(request, *own) : Verdict::reply(403);
  }
  Target target;
  switch (chooser_.find_affine(request, target)) {
    case TargetChooser::Affine::Found: return send_in_dialog(request, target);
    case TargetChooser::Affine::Gone: return refuse_gone(request.message);
    case TargetChooser::Affine::Nothing: break;
  }
  const RouteOptions* route = route_of(request);
  if (route == nullptr) return Verdict::reply(481);
  switch (route->action) {
    case RouteAction::Drop: return Verdict::drop(DropReason::Route);
    case RouteAction::Reject: return Verdict::reply(route->reject_code, route->reject_reason);
    case RouteAction::Group: break;
  }
  const balance::GroupOptions& group = snapshot_.topology.groups()[route->group].options;
  const auto first = chooser_.first_choice(request, route->group);
  if (request.sender.is_server() || !group.tokenless_dialogs || !first) return Verdict::reply(481);
  return send_in_dialog(request, *first);
}

Verdict RequestPath::send_in_dialog(const Request& request, const Target& target) {
  Outgoing outgoing;
  outgoing.to.remote = place_of(request, target, snapshot_);
  if (refreshes_target(request.message.method)) {
    outgoing.record_route_token = request.routes.token_text;
  }
  return forward_to_server(request, target, outgoing);
}

}  // namespace siplb::proxy
