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

}  // namespace

Verdict RequestPath::decide(const sip::Message& message, const transport::Flow& source,
                            const Tick& tick) {
  const bool is_local_ack =
      message.method == sip::Method::Ack && snapshot_.seal.is_local_tag(message);
  if (!is_local_ack) {
    if (const auto refusal = check_request(message, source.transport)) return *refusal;
  }
  // None of our own answers repeats Max-Forwards, so it can be counted down before all else.
  const bool has_hops = !message.max_forwards_digits.empty() && message.max_forwards > 0;
  if (has_hops) sip::decrement_in_place(message.max_forwards_digits);

  const sip::BranchHash branch = snapshot_.seal.branch_hash(message);
  const StatefulPath::Known known = stateful_.find(message, branch, tick);
  if (known.kind == StatefulPath::Known::Kind::Decided) return known.verdict;
  if (is_local_ack) return Verdict::absorb(AbsorbReason::LocalAck);

  const Request request =
      read_request(snapshot_, {message, source, tick, branch},
                   counters_.seal_rejected[static_cast<size_t>(SealKind::Token)]);
  if (known.kind == StatefulPath::Known::Kind::PassOn) {
    StatefulPath::Hop hop = known.hop;
    // As when it came first.
    if (const auto own = own_route_target(request)) hop.to.remote = own->address;
    return stateful_.pass_on(request, hop);
  }
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
    if (!own) return Verdict::reply(403);
    const balance::GroupIndex group = snapshot_.topology.servers()[own->server].group;
    return stateful_.start(request, {.group = group, .target = *own, .is_only_one = true});
  }
  const RouteOptions* route = route_of(request);
  if (route == nullptr) return Verdict::reply(404);
  switch (route->action) {
    case RouteAction::Drop: return Verdict::drop(DropReason::Route);
    case RouteAction::Reject: return Verdict::reply(route->reject_code, route->reject_reason);
    case RouteAction::Group: break;
  }
  Goal goal{.group = route->group};
  if (chooser_.choose(request, route->group, goal.target) == TargetChooser::Remembered::No &&
      request.message.method == sip::Method::Invite) {
    counters_.loose_calls.add();
  }
  return stateful_.start(request, goal);
}

std::optional<Target> RequestPath::own_route_target(const Request& request) const {
  const auto next = request.routes.next.literal();
  if (!request.sender.is_server() || !next) return std::nullopt;
  if (snapshot_.sides.is_ours(request.routes.next)) return std::nullopt;  // a third one of ours
  const balance::ServerIndex server = snapshot_.topology.find_by_place(*next);
  if (server == balance::kNoServer) return std::nullopt;
  return Target{.server = server, .address = *next};
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
