#include "proxy/request_path.h"

#include "proxy/checks.h"
#include "proxy/route_match.h"
#include "sip/editor.h"

namespace siplb::proxy {
namespace {

bool is_options_to_us(const Request& request, const Sides& sides) {
  const sip::Message& message = request.message;
  return message.method == sip::Method::Options && message.to_tag.empty() &&
         !request.routes.has_next() && message.uri.user.empty() && sides.is_ours(message.uri);
}

// Requests that open a dialog, or may (RFC 3261, 12.1; RFC 6665; RFC 3515).
bool opens_dialog(sip::Method method) {
  return method == sip::Method::Invite || method == sip::Method::Subscribe ||
         method == sip::Method::Refer || method == sip::Method::Notify;
}

sip::TokenEnd server_end(const balance::Server& server) {
  return {.is_server = true, .server_id = server.id, .address = server.address};
}

}  // namespace

Verdict RequestPath::decide(const sip::Message& message, const transport::Flow& source,
                            const Tick& tick) {
  if (message.method == sip::Method::Ack && snapshot_.seal.is_local_tag(message)) {
    return Verdict::absorb(AbsorbReason::LocalAck);
  }
  if (const auto refusal = check_request(message, source.transport)) return *refusal;
  // None of our own answers repeats Max-Forwards, so it can be counted down before all else.
  if (!message.max_forwards_digits.empty()) sip::decrement_in_place(message.max_forwards_digits);

  const Request request{
      .message = message,
      .source = source,
      .tick = tick,
      .sender = find_sender(snapshot_, source),
      .routes = read_route_set(message, snapshot_.sides, snapshot_.seal, tick.today,
                               counters_.seal_rejected[static_cast<size_t>(SealKind::Token)]),
      .branch = snapshot_.seal.branch_hash(message),
      .from_tag_hash = snapshot_.seal.tag_hash(message.from_tag),
  };
  if (is_options_to_us(request, snapshot_.sides)) return Verdict::reply(200);
  if (!message.to_tag.empty() || message.method == sip::Method::Ack) {
    return decide_in_dialog(request);
  }
  if (message.method == sip::Method::Cancel) return decide_cancel(request);
  return decide_new(request);
}

Verdict RequestPath::decide_new(const Request& request) {
  counters_.requests[request.message.method].add();
  if (request.routes.has_next()) {
    const auto own = own_route_target(request);
    return own ? send_new(request, *own) : Verdict::reply(403);
  }
  const RouteOptions* route = route_of(request);
  if (route == nullptr) return Verdict::reply(404);
  switch (route->action) {
    case RouteAction::Drop: return Verdict::drop(DropReason::Route);
    case RouteAction::Reject: return Verdict::reply(route->reject_code, route->reject_reason);
    case RouteAction::Group: break;
  }
  Target target;
  if (chooser_.choose(request, route->group, target) == TargetChooser::Remembered::No &&
      request.message.method == sip::Method::Invite) {
    counters_.loose_calls.add();
  }
  return send_new(request, target);
}

std::optional<Target> RequestPath::own_route_target(const Request& request) const {
  const auto next = request.routes.next.literal();
  if (!request.sender.is_server() || !next) return std::nullopt;
  if (snapshot_.sides.is_ours(request.routes.next)) return std::nullopt;  // a third one of ours
  const balance::ServerIndex server = snapshot_.topology.find_by_place(*next);
  if (server == balance::kNoServer) return std::nullopt;
  return Target{.server = server, .address = *next};
}

Verdict RequestPath::send_new(const Request& request, const Target& target) {
  const balance::Server& server = snapshot_.topology.servers()[target.server];
  Outgoing outgoing;
  outgoing.to.remote = target.address;
  sip::TokenText token;
  if (opens_dialog(request.message.method) &&
      snapshot_.topology.groups()[server.group].options.record_route) {
    sip::TokenEnd initiator;
    if (request.sender.is_server()) {
      initiator = server_end(snapshot_.topology.servers()[request.sender.server]);
    } else {
      initiator.listener = snapshot_.sides[request.source.listener].hash;
      initiator.transport = request.source.transport;
      initiator.address = request.source.remote;
    }
    const sip::Token fields{.initiator = initiator,
                            .responder = server_end(server),
                            .from_tag_hash = request.from_tag_hash,
                            .issue_day = request.tick.today};
    token = snapshot_.seal.seal_token(fields, request.message.call_id);
    outgoing.record_route_token = token;
  }
  return forward_to_server(request, target, outgoing);
}

const RouteOptions* RequestPath::route_of(const Request& request) const {
  const sip::Method method = request.message.method;
  const bool follows_invite = method == sip::Method::Cancel || method == sip::Method::Ack;
  return select_route(snapshot_.routes, {.method = follows_invite ? sip::Method::Invite : method,
                                         .source = request.source,
                                         .sender_groups = request.sender.groups});
}

Verdict RequestPath::forward_to_server(const Request& request, const Target& target,
                                       Outgoing outgoing) {
  // The configuration refuses servers that no listener reaches, but a token may remember one.
  const auto side = snapshot_.sides.egress(outgoing.to.remote.family());
  if (!side) return Verdict::reply(500);
  outgoing.to.listener = *side;
  outgoing.attempt = target.attempt;
  if (target.server != balance::kNoServer) counters_.servers[target.server].requests.add();
  forwarder_.forward(request, outgoing);
  return Verdict::forward();
}

}  // namespace siplb::proxy
