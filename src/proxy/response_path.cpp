#include "proxy/response_path.h"

#include <chrono>
#include <optional>

#include "proxy/client_return.h"
#include "proxy/upstream_via.h"

namespace siplb::proxy {
Verdict ResponsePath::decide(const sip::Message& message, const transport::Flow& source,
                             const Tick& tick) {
  const sip::Via& ours = message.via;
  // By the listener that it came by: else whoever has seen the Via of another side could answer in
  // its place, as a callee that a server relays a call to.
  if (!outlook_.snapshot->sides.is_own_sent_by(source.listener, ours.host, ours.effective_port())) {
    return Verdict::drop(DropReason::ResponseViaForeign);
  }
  if (sip::is_probe_branch(ours.branch)) {
    health_.tell({.kind = balance::HealthSignal::Kind::ProbeAnswer, .remote = source.remote},
                 message.text);
    return Verdict::absorb(AbsorbReason::Probe);
  }
  if (const auto verdict = stateful_.on_response(message, source, tick)) return *verdict;
  sip::Via next;
  if (!read_next_via(message, next)) return Verdict::drop(DropReason::ResponseViaMissing);

  sip::ViaSeal seal;
  sip::SealFault fault = outlook_.snapshot->seal.open_via(ours, sip::canonical(next), seal);
  if (fault == sip::SealFault::None && is_stale(seal, tick)) fault = sip::SealFault::Expired;
  if (fault != sip::SealFault::None) {
    counters_.seal_rejected[static_cast<size_t>(SealKind::Via)][fault].add();
    return Verdict::drop(DropReason::ResponseSealRefused);
  }
  if (seal.mode == sip::SealMode::Stateful && !is_orphan(seal, message.status, tick.now)) {
    return Verdict::drop(DropReason::ResponseStray);
  }
  if (seal.mode == sip::SealMode::ScatteredCancel && message.status == 481) {
    return Verdict::drop(DropReason::Scattered481);
  }
  const auto client = flow_of_client(*outlook_.snapshot, next, seal);
  if (!client) return Verdict::drop(DropReason::ResponseUnreachable);
  const auto to = answer_flow(wire_, *client, answer_port(next, *client));
  if (!to) return Verdict::drop(DropReason::ResponseUnreachable);

  const balance::ServerIndex server = outlook_.topology().find_by_address(source.remote);
  if (server != balance::kNoServer) {
    count_answer(message, server);
    if (seal.instance != outlook_.snapshot->seal.instance())
      learn(message, server, *client, tick.now);
  }
  if (message.method == sip::Method::Bye) {
    chooser_.on_bye_answered({message, source, *client}, tick.now);
  }
  forwarder_.forward_response(message, *to);
  return Verdict::forward();
}

bool ResponsePath::is_stale(const sip::ViaSeal& seal, const Tick& tick) const {
  // A minute of tolerance at either end: the clocks of two nodes, and a minute under way.
  const unsigned age = (tick.minute - seal.minute + 1U) % sip::kSealMinutes;
  return std::chrono::minutes(age) > options_.seal_life + std::chrono::minutes(2);
}

bool ResponsePath::is_orphan(const sip::ViaSeal& seal, uint16_t status, Instant now) const {
  // RFC 6026, 7.3: what this process has forgotten, it has done with. A 100 goes one hop (16.7).
  return seal.instance != outlook_.snapshot->seal.instance() && now < options_.foreign_until &&
         status != 100;
}

void ResponsePath::count_answer(const sip::Message& message, balance::ServerIndex server) {
  counters_.servers[server].responses[message.status / 100 - 1].add();
  load_.on_answer(options_.worker, server);
}

// The request was forwarded by an earlier process, whose table is gone: its answer fills ours.
void ResponsePath::learn(const sip::Message& message, balance::ServerIndex server,
                         const transport::Flow& client, Instant now) {
  TargetChooser::Answer answer{.call_id = message.call_id,
                               .from_tag = message.from_tag,
                               .method = message.method,
                               .status = message.status};
  answer.target = chooser_.target_of(server);
  if (const auto branch = sip::read_branch(message.via.branch)) {
    answer.target.attempt = branch->attempt;
  }
  answer.sender_group = find_sender(*outlook_.snapshot, client).affinity_group;
  chooser_.learn(answer, now);
}

}  // namespace siplb::proxy
