#include "health/self_probes.h"

#include <algorithm>
#include <utility>

#include "health/tcp_probe_socket.h"
#include "health/udp_probe_socket.h"

namespace siplb::health {
namespace {

constexpr size_t kOctetsMax = 1024;

}  // namespace

void SelfProbes::adopt(const ProbePlan& plan, Instant now) {
  targets_.resize(std::max(targets_.size(), plan.listeners.size()));
  for (size_t i = 0; i < targets_.size(); ++i) {
    const bool is_asked = plan.self_probe.count() != 0 && i < plan.listeners.size();
    const OwnListener wanted = is_asked ? plan.listeners[i] : OwnListener();
    if (wanted != targets_[i].listener) begin(static_cast<uint16_t>(i), wanted);
  }
  if (plan.self_probe == interval_) return;
  interval_ = plan.self_probe;
  due_ = interval_.count() == 0 ? Instant::max() : now + interval_;
}

void SelfProbes::begin(uint16_t index, const OwnListener& listener) {
  Target& target = targets_[index];
  target = {.listener = listener, .socket = nullptr, .branch = {}, .is_waiting = false};
  counters_[index].last_ns.set(SelfProbeCounters::kNone);
  if (listener.address.family() == SockAddress::Family::None) return;
  // From the address itself: where another host has it now, that one is not asked.
  const SockAddress local = listener.address.with_port(0);
  const ProbeEnds ends{.server = index, .remote = listener.address, .local = local};
  const ProbeSocketParts parts{.loop = parts_.loop, .sink = *this, .area = parts_.area};
  if (listener.transport == sip::Transport::Udp) {
    target.socket = std::make_unique<UdpProbeSocket>(ends, parts);
  } else {
    target.socket = std::make_unique<TcpProbeSocket>(ends, parts);
  }
}

void SelfProbes::take_turn(Instant now) {
  if (now < due_) return;
  due_ = now + interval_;
  asked_at_ = now;
  sequence_ = sequence_ % kSequenceMax + 1;
  for (size_t i = 0; i < targets_.size(); ++i) {
    if (targets_[i].socket) ask(static_cast<uint16_t>(i));
  }
}

void SelfProbes::ask(uint16_t index) {
  Target& target = targets_[index];
  if (target.is_waiting) lose(index);
  target.is_waiting = true;
  target.branch.clear();
  switch (target.socket->prepare()) {
    case ProbeStep::Ready: return transmit(index);
    case ProbeStep::Connecting: return;
    case ProbeStep::Refused:
    case ProbeStep::Unsendable: return lose(index);
  }
}

void SelfProbes::transmit(uint16_t index) {
  Target& target = targets_[index];
  if (!target.is_waiting) return;
  target.branch =
      probe_branch(parts_.probe_key, {.server = index, .sequence = sequence_, .run = run_},
                   target.socket->sent_by());
  std::array<char, kOctetsMax> text;
  const size_t length = write_probe(request_of(target), text);
  if (length == 0 || target.socket->send({text.data(), length}) != ProbeStep::Ready) lose(index);
}

void SelfProbes::on_message(uint16_t index, std::string_view text) {
  Target& target = targets_[index];
  if (!target.is_waiting || sip::scan(text, {}, message_) != sip::ScanStatus::Ok) return;
  if (!read_answer(message_, request_of(target))) return;
  target.is_waiting = false;
  const Duration took = parts_.loop.now() - asked_at_;
  SelfProbeCounters& counters = counters_[index];
  counters.answered.add();
  counters.times.record(took);
  counters.last_ns.set(static_cast<uint64_t>(std::max<int64_t>(took.count(), 1)));
}

// The next one begins anew, by whatever way there is then.
void SelfProbes::lose(uint16_t index) {
  Target& target = targets_[index];
  target.socket->end();
  if (!std::exchange(target.is_waiting, false)) return;
  counters_[index].lost.add();
  counters_[index].last_ns.set(SelfProbeCounters::kLost);
}

void SelfProbes::end() {
  for (Target& target : targets_) target.socket.reset();
}

ProbeRequest SelfProbes::request_of(const Target& target) const {
  return {.method = sip::Method::Options,
          .transport = target.listener.transport,
          .request_uri = target.listener.request_uri,
          .sent_by = target.socket->sent_by(),
          .branch = target.branch,
          .sequence = sequence_};
}

}  // namespace siplb::health
