// A CANCEL outside a dialog: statelessly to where its INVITE went (RFC 3261, 16.10; SIP.md 3).
#include "proxy/request_path.h"

namespace siplb::proxy {

Verdict RequestPath::decide_cancel(const Request& request) {
  const Named named = read_named_goal(request);
  if (named.refusal) return *named.refusal;
  if (named.goal) return forward(request, named.goal->target, {});
  // Its INVITE has gone there when that was known.
  if (!named.is_nothing()) return Verdict::reply(481);
  Target target;
  switch (parts_.chooser.find_affine(request, target)) {
    case TargetChooser::Affine::Found: return forward(request, target, {});
    case TargetChooser::Affine::Gone: return Verdict::reply(481);
    case TargetChooser::Affine::Nothing: break;
  }
  const auto index = select_route(request);
  if (!index) return Verdict::reply(481);
  const RouteOptions& route = outlook_.snapshot->routing->routes[*index];
  switch (route.action) {
    case RouteAction::Drop: return Verdict::drop(DropReason::Route);
    case RouteAction::Reject: return Verdict::reply(481);  // its INVITE has been refused
    case RouteAction::ForwardByUri: {
      const Named by_uri = read_uri_goal(request);
      return by_uri.goal ? forward(request, by_uri.goal->target, {}) : Verdict::reply(481);
    }
    case RouteAction::Group: break;
  }
  if (const auto first = parts_.chooser.first_choice(request, route)) {
    return forward(request, *first, {});
  }
  if (is_over_rate(*index, request.tick)) return Verdict::reply(503, {}, StatefulPath::kRetryAfter);
  return scatter(request, route.group);
}

// Nobody knows where the INVITE went: one of the copies finds it, the others are answered 481.
Verdict RequestPath::scatter(const Request& request, balance::GroupIndex group) {
  const balance::Group& members = outlook_.topology().groups()[group];
  size_t copies = 0;
  for (const balance::ServerIndex index : members.servers) {
    if (copies == kScatterMax) break;
    if (outlook_.topology().servers()[index].weight == 0) continue;
    static_cast<void>(forward(request, parts_.chooser.target_of(index),
                              {.mode = sip::SealMode::ScatteredCancel}));
    if (++copies > 1) parts_.counters.originated[OriginatedKind::Cancel].add();
  }
  return Verdict::forward();
}

}  // namespace siplb::proxy
