// A CANCEL outside a dialog: statelessly to where its INVITE went (RFC 3261, 16.10; SIP.md 3).
#include "proxy/request_path.h"

namespace siplb::proxy {

Verdict RequestPath::decide_cancel(const Request& request) {
  if (request.routes.has_next()) {
    const auto own = own_route_target(request);
    return own ? send_cancel(request, *own) : Verdict::reply(403);
  }
  Target target;
  switch (chooser_.find_affine(request, target)) {
    case TargetChooser::Affine::Found: return send_cancel(request, target);
    case TargetChooser::Affine::Gone: return Verdict::reply(481);
    case TargetChooser::Affine::Nothing: break;
  }
  const RouteOptions* route = route_of(request);
  if (route == nullptr) return Verdict::reply(481);
  switch (route->action) {
    case RouteAction::Drop: return Verdict::drop(DropReason::Route);
    case RouteAction::Reject: return Verdict::reply(481);  // its INVITE has been refused
    case RouteAction::Group: break;
  }
  if (const auto first = chooser_.first_choice(request, route->group)) {
    return send_cancel(request, *first);
  }
  return scatter(request, route->group);
}

Verdict RequestPath::send_cancel(const Request& request, const Target& target) {
  Outgoing outgoing;
  outgoing.to.remote = target.address;
  return forward_to_server(request, target, outgoing);
}

// Nobody knows where the INVITE went: one of the copies finds it, the others are answered 481.
Verdict RequestPath::scatter(const Request& request, balance::GroupIndex group) {
  const balance::Group& members = snapshot_.topology.groups()[group];
  Outgoing outgoing;
  outgoing.mode = sip::SealMode::ScatteredCancel;
  size_t copies = 0;
  for (size_t i = 0; i < members.server_count && copies < kScatterMax; ++i) {
    const auto index = static_cast<balance::ServerIndex>(members.first_server + i);
    if (snapshot_.topology.servers()[index].weight == 0) continue;
    const Target target = chooser_.target_of(index);
    outgoing.to.remote = target.address;
    // Fails only where no side reaches the group, and then for all of its servers.
    const Verdict verdict = forward_to_server(request, target, outgoing);
    if (verdict.kind != Verdict::Kind::Forward) return verdict;
    if (++copies > 1) counters_.originated[OriginatedKind::Cancel].add();
  }
  return Verdict::forward();
}

}  // namespace siplb::proxy
