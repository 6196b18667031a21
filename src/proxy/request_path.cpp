#include "proxy/request_path.h"

#include "proxy/dialog_token.h"
#include "proxy/witness.h"
#include "sip/editor.h"

namespace siplb::proxy {
namespace {

bool is_options_to_us(const Request& request, const Sides& sides) {
  const sip::Message& message = request.message;
  return message.method == sip::Method::Options && message.to_tag.empty() &&
         !request.routes.has_next() && message.uri.user.empty() &&
         sides.is_ours(message.uri, request.source.local);
}

// One pass through us leaves at most two entries in a route set: a third of ours in a row is
// nobody's who means well.
bool leads_back(const Request& request, const Sides& sides) {
  return request.routes.has_next() && sides.is_ours(request.routes.next, request.source.local);
}

}  // namespace

Verdict RequestPath::decide(const sip::Message& message, const transport::Flow& source,
                            const Tick& tick) {
  const bool is_local_ack =
      message.method == sip::Method::Ack && outlook_.snapshot->seal.is_local_tag(message);
  if (!is_local_ack) {
    const auto refusal = check_request(message, source.transport, unsupported_);
    if (refusal) return *refusal;
  }
  // None of our own answers repeats Max-Forwards, so it can be counted down before all else.
  const bool has_hops = !message.max_forwards_digits.empty() && message.max_forwards > 0;
  if (has_hops) sip::decrement_in_place(message.max_forwards_digits);

  const sip::BranchHash branch = outlook_.snapshot->seal.branch_hash(message);
  const StatefulPath::Known known = parts_.stateful.find(message, branch, source, tick);
  if (known.kind == StatefulPath::Known::Kind::Decided) return known.verdict;
  if (is_local_ack) return Verdict::absorb(AbsorbReason::LocalAck);

  const Request request =
      read_request(*outlook_.snapshot, {message, source, tick, branch},
                   parts_.counters.seal_rejected[static_cast<size_t>(SealKind::Token)]);
  if (outlook_.witness != nullptr) outlook_.witness->on_request(request);
  if (known.kind == StatefulPath::Known::Kind::PassOn) return pass_on(request, known);
  if (is_loop(request, *outlook_.snapshot)) return Verdict::reply(482);
  if (leads_back(request, outlook_.snapshot->sides)) return Verdict::reply(403);
  if (is_options_to_us(request, outlook_.snapshot->sides)) {
    return is_draining() ? Verdict::reply(503, {}, StatefulPath::kRetryAfter) : Verdict::reply(200);
  }
  if (message.method == sip::Method::Ack || is_in_dialog(request, outlook_.snapshot->seal)) {
    return decide_in_dialog(request);
  }
  if (message.method == sip::Method::Cancel) return decide_cancel(request);
  return decide_new(request);
}

// A repeat goes where the request went. Of what is over only the server is remembered, so the
// request must say the rest again.
Verdict RequestPath::pass_on(const Request& request, StatefulPath::Known known) {
  Named named = is_in_dialog(request, outlook_.snapshot->seal) ? read_dialog_goal(request)
                                                               : read_named_goal(request);
  const bool is_to_server = known.target.server != balance::kNoServer;
  if (!named.goal && !is_to_server && request.sender.is_server()) named = read_uri_goal(request);
  if (named.goal) known.target.to = named.goal->target.to;
  if (!named.goal && !is_to_server) return Verdict::absorb(AbsorbReason::Repeat);
  // A registrar that takes it for a new one must find the Path again.
  if (request.message.method == sip::Method::Register && is_to_server) {
    const auto route = select_route(request);
    known.wants_path = route && outlook_.snapshot->routing->routes[*route].path == PathMode::Auto;
  }
  return parts_.stateful.pass_on(request, known);
}

Verdict RequestPath::decide_new(const Request& request) {
  parts_.counters.requests[request.message.method].add();
  if (is_draining()) return Verdict::reply(503, {}, StatefulPath::kRetryAfter);
  const Named named = read_named_goal(request);
  if (!named.is_nothing()) return start(request, named);
  const auto route = select_route(request);
  return route ? start_by_route(request, *route) : Verdict::reply(404);
}

Verdict RequestPath::start_by_route(const Request& request, size_t index) {
  const RouteOptions& route = outlook_.snapshot->routing->routes[index];
  if (route.action == RouteAction::Drop) return Verdict::drop(DropReason::Route);
  if (route.action == RouteAction::Reject) {
    return Verdict::reply(route.reject_code, route.reject_reason);
  }
  if (is_over_rate(index, request.tick)) return Verdict::reply(503, {}, StatefulPath::kRetryAfter);
  if (route.action == RouteAction::ForwardByUri) {
    return start(request, read_uri_goal(request));
  }
  Goal goal{.group = route.group,
            .key_hash = parts_.chooser.key_hash(request, route),
            .wants_path = route.path == PathMode::Auto};
  const auto chosen = parts_.chooser.choose(request, route.group, goal.key_hash, goal.target);
  if (chosen == TargetChooser::Chosen::Nobody) {
    return Verdict::reply(503, {}, StatefulPath::kRetryAfter);
  }
  if (chosen == TargetChooser::Chosen::Loose && request.message.method == sip::Method::Invite) {
    parts_.counters.loose_calls.add();
  }
  if (!route.is_stateless) return parts_.stateful.start(request, goal);
  const sip::TokenText token = dialog_token(*outlook_.snapshot, request, goal.target);
  const Target target = by_size(request, goal.target, token);
  // Where a hop changes its kind, one side repeats what is lost and the other does not.
  const bool is_one_kind = request.source.is_stream() == target.to.is_stream();
  return is_one_kind ? forward(request, target, {.record_route_token = token})
                     : parts_.stateful.start(request, goal);
}

bool RequestPath::is_over_rate(size_t route, const Tick& tick) {
  balance::RateLimit* const rate = outlook_.snapshot->routing->rates[route].get();
  if (rate == nullptr || rate->admit(tick.now)) return false;
  parts_.counters.over_rate.add();
  return true;
}

std::optional<size_t> RequestPath::select_route(const Request& request) const {
  const sip::Method method = request.message.method;
  const bool follows_invite = method == sip::Method::Cancel || method == sip::Method::Ack;
  const RouteQuery query{.message = request.message,
                         .method = follows_invite ? sip::Method::Invite : method,
                         .source = request.source,
                         .sender_groups = request.sender.groups};
  const auto taken = outlook_.routes().select(query, parts_.counters.expressions);
  if (outlook_.witness != nullptr) outlook_.witness->on_routes(outlook_.routes(), query, taken);
  return taken;
}

Verdict RequestPath::forward(const Request& request, const Target& target, Outgoing outgoing) {
  outgoing.to = target.to;
  outgoing.attempt = target.attempt;
  if (outlook_.is_shut(target.server)) return Verdict::reply(503, {}, StatefulPath::kRetryAfter);
  if (target.server != balance::kNoServer) {
    parts_.counters.servers[target.server].requests.add();
  }
  if (parts_.forwarder.forward(request, outgoing) == Sent::Yes) return Verdict::forward();
  const auto datagrams = parts_.size_rule.over_datagrams(target.server, outgoing.to);
  if (!datagrams) return Verdict::reply(503, {}, StatefulPath::kRetryAfter);
  parts_.size_rule.on_refused(target.server, request.tick.now);
  parts_.counters.tcp_refused.add();
  outgoing.to = *datagrams;
  static_cast<void>(parts_.forwarder.forward(request, outgoing));
  return Verdict::forward();
}

Target RequestPath::by_size(const Request& request, const Target& target,
                            std::string_view record_route_token) const {
  Target chosen = target;
  chosen.to = parts_.size_rule.flow_for(
      request, target, {.to = target.to, .record_route_token = record_route_token});
  return chosen;
}

}  // namespace siplb::proxy
