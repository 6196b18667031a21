#include "proxy/response_path.h"

#include <algorithm>
#include <optional>

namespace siplb::proxy {
namespace {

// The Via below ours: the rest of the top header, else the next Via header.
bool read_next_via(const sip::Message& message, sip::Via& out) {
  std::string_view values = message.via_rest;
  if (values.empty()) {
    const auto headers = message.headers();
    const auto is_via = [](const sip::Header& h) { return h.id == sip::HeaderId::Via; };
    const auto top = std::find_if(headers.begin(), headers.end(), is_via);
    const auto next = std::find_if(top + 1, headers.end(), is_via);
    if (next == headers.end()) return false;
    values = next->value;
  }
  std::string_view value;
  return sip::ValueReader(values).next(value) && sip::parse_via(value, out);
}

// Where the response goes: back by the listener that its request came by.
std::optional<transport::Flow> flow_to(const sip::Via& next, const sip::ViaSeal& seal,
                                       const Sides& sides) {
  const auto listener = sides.find(seal.listener);
  const auto address = next.response_address();
  if (!listener || !address || next.known_transport() != sip::Transport::Udp) return std::nullopt;
  return transport::Flow{.remote = *address, .listener = *listener};
}

}  // namespace

Verdict ResponsePath::decide(const sip::Message& message, const transport::Flow& source,
                             const Tick& tick) {
  const sip::Via& ours = message.via;
  if (!snapshot_.sides.is_ours(ours.host, ours.effective_port())) {
    return Verdict::drop(DropReason::ResponseViaForeign);
  }
  sip::Via next;
  if (!read_next_via(message, next)) return Verdict::drop(DropReason::ResponseViaMissing);

  sip::ViaSeal seal;
  const sip::SealFault fault = snapshot_.seal.open_via(ours, sip::canonical(next), seal);
  if (fault != sip::SealFault::None) {
    counters_.seal_rejected[static_cast<size_t>(SealKind::Via)][fault].add();
    return Verdict::drop(DropReason::ResponseSealRefused);
  }
  // A process that kept a transaction for it wrote this; without it the answer is nobody's.
  if (seal.mode == sip::SealMode::Stateful) return Verdict::drop(DropReason::ResponseStray);
  if (seal.mode == sip::SealMode::ScatteredCancel && message.status == 481) {
    return Verdict::drop(DropReason::Scattered481);
  }
  const auto to = flow_to(next, seal, snapshot_.sides);
  if (!to) return Verdict::drop(DropReason::ResponseUnreachable);

  const balance::ServerIndex server = snapshot_.topology.find_by_address(source.remote);
  if (server != balance::kNoServer) {
    count_answer(message, server);
    if (seal.instance != snapshot_.seal.instance()) learn(message, server, *to, tick.now);
  }
  forwarder_.forward_response(message, *to);
  return Verdict::forward();
}

void ResponsePath::count_answer(const sip::Message& message, balance::ServerIndex server) {
  counters_.servers[server].responses[message.status / 100 - 1].add();
}

// The request was forwarded by an earlier process, whose table is gone: its answer fills ours.
void ResponsePath::learn(const sip::Message& message, balance::ServerIndex server,
                         const transport::Flow& to, Instant now) {
  TargetChooser::Answer answer{
      .call_id = message.call_id, .from_tag = message.from_tag, .method = message.method};
  answer.target = chooser_.target_of(server);
  if (const auto branch = sip::read_branch(message.via.branch)) {
    answer.target.attempt = branch->attempt;
  }
  answer.sender_group = find_sender(snapshot_, to).affinity_group;
  chooser_.learn(answer, now);
}

}  // namespace siplb::proxy
