#include "health/prober.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "health/group_rules.h"
#include "health/listener_probe_socket.h"
#include "health/probe_message.h"
#include "health/probe_socket.h"
#include "health/self_probes.h"
#include "health/status_board.h"
#include "health/tcp_probe_socket.h"
#include "health/traffic_watch.h"
#include "health/udp_probe_socket.h"
#include "net/event_loop.h"
#include "net/mailbox.h"
#include "net/timer_wheel.h"

namespace siplb::health {
namespace {

using balance::HealthReason;
using balance::HealthSignal;
using balance::ProbeResult;
using balance::ServerHealth;
using balance::ServerIndex;

constexpr size_t kProbeOctetsMax = 2048;
// For answers that come to a listener and are longer than 2 KiB.
constexpr size_t kLargeSignals = 4;

// One server: its health, and the probe that is under way.
struct Target : net::TimerNode {
  std::optional<ServerHealth> health;   // none: its place is empty, or not watched
  std::unique_ptr<ProbeSocket> socket;  // there where health is
  TrafficWatch traffic{0};
  uint32_t sequence = 0;  // of the last probe
  ProbeBranch branch;     // of the one under way; empty: it is not sent yet
  Instant sent_at{};

  [[nodiscard]] bool is_waiting() const { return health->probe_timeout() != Instant::max(); }
};

// One after the other over the interval, evenly however many there are (Weyl's sequence).
Duration first_delay(std::chrono::milliseconds interval, ServerIndex server, uint32_t seed) {
  constexpr uint32_t kGoldenRatio = 0x9e3779b9;  // of 2^32
  const uint32_t phase = seed + server * kGoldenRatio;
  return std::chrono::milliseconds(static_cast<uint64_t>(interval.count()) * phase >> 32);
}

StatusBoard::Options board_options(const Prober::Options& options) {
  return {.reader_count = options.reader_count,
          .server_count = options.server_count,
          .group_count = options.group_count};
}

// What it needs to be probed the same way as before.
bool is_same_server(const ProbeTarget& a, const ProbeTarget& b) {
  return a.address == b.address && a.transport == b.transport && a.options == b.options;
}
bool is_same_way(const ProbeTarget& a, const ProbeTarget& b) {
  return a.listener == b.listener && a.local == b.local && a.sent_by == b.sent_by;
}

}  // namespace

class Prober::Impl final : private ProbeSink {
 public:
  Impl(const Options& options, const Parts& parts, std::unique_ptr<net::EventLoop> loop,
       std::unique_ptr<net::Mailbox> mailbox);

  void run();
  void stop();
  void tell(const HealthSignal& signal, std::string_view octets);
  [[nodiscard]] const SelfProbeCounters& self_probes(transport::ListenerIndex listener) const {
    return self_probes_.counters(listener);
  }

  const std::unique_ptr<net::EventLoop> loop;
  std::vector<ProbeCounters> counters;
  StatusBoard board;
  std::atomic<uint64_t> lost_signals{0};
  Counter turns;
  std::atomic<Priority> priority{Priority::Ordinary};

 private:
  void raise_priority();
  void look_for_plan();
  void begin(ServerIndex server, const ProbeTarget& target, HealthReason reason);
  [[nodiscard]] std::unique_ptr<ProbeSocket> make_socket(ServerIndex server,
                                                         const ProbeTarget& target);
  void take_signals();
  void take(const HealthSignal& signal, std::string_view octets);
  void on_timer(Target& target);
  void send_probe(Target& target);
  void transmit(Target& target);
  void take_step(Target& target, ProbeStep step);
  void take_answer(Target& target, const sip::Message& message);
  void finish(Target& target, ServerHealth::Outcome outcome);
  void schedule(Target& target);

  void on_writable(ServerIndex server) override { transmit(targets_[server]); }
  void on_message(ServerIndex server, std::string_view message) override;
  void on_refused(ServerIndex server) override;

  [[nodiscard]] Instant now() const { return loop->now(); }
  [[nodiscard]] ServerIndex index_of(const Target& target) const {
    return static_cast<ServerIndex>(&target - targets_.data());
  }
  [[nodiscard]] ProbeRequest request_of(const Target& target) const;

  const Options options_;
  const Parts parts_;
  std::unique_ptr<net::Mailbox> mailbox_;
  std::vector<char> area_;
  std::array<char, kProbeOctetsMax> text_;
  sip::Message message_;
  std::atomic<bool> is_stopping_{false};
  const ProbePlan* seen_plan_ = nullptr;
  ProbePlan plan_;  // a copy, to compare with the next one
  std::vector<Target> targets_;
  net::TimerWheel wheel_{Clock::now()};
  SelfProbes self_probes_;
};

Prober::Impl::Impl(const Options& options, const Parts& parts,
                   std::unique_ptr<net::EventLoop> event_loop,
                   std::unique_ptr<net::Mailbox> mailbox)
    : loop(std::move(event_loop)),
      counters(options.server_count),
      board(board_options(options), parts.events),
      options_(options),
      parts_(parts),
      mailbox_(std::move(mailbox)),
      area_(sip::kMessageOctetsMax + 1),
      targets_(options.server_count),
      self_probes_({.loop = *loop, .area = area_, .probe_key = options_.probe_key}, options.seed) {
  plan_.targets.resize(options.server_count);
  plan_.groups.resize(options.group_count);
}

void Prober::Impl::run() {
  raise_priority();
  loop->wake();  // for the first plan
  while (!is_stopping_.load(std::memory_order_relaxed)) {
    loop->wait(std::min(wheel_.next_deadline().value_or(Instant::max()), self_probes_.due()));
    turns.add();
    look_for_plan();
    take_signals();
    // Answers before time-outs: where this host was slow, what has come meanwhile has come in time.
    loop->dispatch(now());
    wheel_.advance(now(), [this](net::TimerNode& node) { on_timer(static_cast<Target&>(node)); });
    self_probes_.take_turn(now());
    board.publish(plan_, now());
  }
  for (Target& target : targets_) {
    wheel_.cancel(target);
    target.socket.reset();
  }
  self_probes_.end();
}

void Prober::Impl::stop() {
  is_stopping_.store(true, std::memory_order_relaxed);
  loop->wake();
}

void Prober::Impl::raise_priority() {
  for (const Priority wanted : kPriorities) {
    const int error = try_priority(wanted);
    if (error == 0) {
      priority.store(wanted, std::memory_order_relaxed);
      return;
    }
    parts_.events.post({.at = Clock::now(),
                        .id = EventId::ProbePriority,
                        .args = {static_cast<int64_t>(wanted), error}});
  }
}

// ---- The plan ---------------------------------------------------------------------------------

void Prober::Impl::look_for_plan() {
  const ProbePlan& plan = parts_.plans.look(0);
  if (&plan == seen_plan_) return;
  SIPLB_ASSERT(plan.targets.size() == targets_.size());
  SIPLB_ASSERT(plan.groups.size() == plan_.groups.size());
  const bool is_first = std::exchange(seen_plan_, &plan) == nullptr;
  const ProbePlan before = std::exchange(plan_, plan);
  for (size_t i = 0; i < targets_.size(); ++i) {
    const auto server = static_cast<ServerIndex>(i);
    const ProbeTarget& was = before.targets[i];
    const ProbeTarget& is = plan_.targets[i];
    if (!is_same_server(was, is)) {
      const bool has_moved = !is_first && was.address != is.address;
      begin(server, is, has_moved ? HealthReason::Address : HealthReason::Start);
    } else if (targets_[i].health && !is_same_way(was, is)) {
      targets_[i].socket = make_socket(server, is);
    }
    board.show(server, is.operator_state, now());
  }
  board.set_changed();
  self_probes_.adopt(plan_, now());
}

// Of a server of which nothing is known.
void Prober::Impl::begin(ServerIndex server, const ProbeTarget& plan, HealthReason reason) {
  Target& target = targets_[server];
  const bool was_known = target.health.has_value();
  wheel_.cancel(target);
  target.health.reset();
  target.socket.reset();
  if (was_known || reason == HealthReason::Address) board.forget(server, reason, now());
  if (plan.address.family() == SockAddress::Family::None || !plan.options.is_watched) return;
  target.traffic = TrafficWatch(parts_.load.answer_count(server));
  target.socket = make_socket(server, plan);
  target.health.emplace(plan.options,
                        now() + first_delay(plan.options.interval, server, options_.seed));
  schedule(target);
}

std::unique_ptr<ProbeSocket> Prober::Impl::make_socket(ServerIndex server,
                                                       const ProbeTarget& target) {
  const ProbeEnds ends{.server = server, .remote = target.address, .local = target.local};
  const ProbeSocketParts parts{.loop = *loop, .sink = *this, .area = area_};
  if (target.transport != sip::Transport::Udp) return std::make_unique<TcpProbeSocket>(ends, parts);
  if (target.options.source == balance::ProbeSource::Own) {
    return std::make_unique<UdpProbeSocket>(ends, parts);
  }
  const auto sockets = parts_.listener_sockets;
  return std::make_unique<ListenerProbeSocket>(
      ends, target.listener < sockets.size() ? sockets[target.listener] : nullptr, target.sent_by);
}

// ---- Signals ----------------------------------------------------------------------------------

void Prober::Impl::tell(const HealthSignal& signal, std::string_view octets) {
  // Answers decide; all else only hastens what comes anyway.
  const auto mail_class = signal.kind == HealthSignal::Kind::ProbeAnswer ? net::MailClass::Urgent
                                                                         : net::MailClass::NewWork;
  if (mailbox_->post(mail_class, net::MailHeader::of(signal), octets) != net::PostStatus::Posted) {
    lost_signals.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  loop->wake();
}

void Prober::Impl::take_signals() {
  const size_t taken = mailbox_->drain(net::Mailbox::kDrainMax, [this](const net::Mail& mail) {
    take(mail.header.as<HealthSignal>(), {mail.octets.data(), mail.octets.size()});
  });
  if (taken == net::Mailbox::kDrainMax) loop->wake();  // more may wait: do not sleep on it
}

void Prober::Impl::take(const HealthSignal& signal, std::string_view octets) {
  ServerIndex server = signal.server;
  const bool is_answer = signal.kind == HealthSignal::Kind::ProbeAnswer;
  if (is_answer) {
    if (sip::scan(octets, {}, message_) != sip::ScanStatus::Ok) return;
    server = server_of_branch(message_.via.branch).value_or(balance::kNoServer);
  }
  if (server >= targets_.size() || !targets_[server].health) return;
  Target& target = targets_[server];
  if (is_answer) {
    const ProbeTarget& plan = plan_.targets[server];
    const bool is_by_listener = plan.options.source == balance::ProbeSource::Listener;
    if (is_by_listener && signal.remote == plan.address) take_answer(target, message_);
  } else if (signal.kind == HealthSignal::Kind::Busy) {
    const bool may = may_pause(plan_, board.current(), server, now());
    if (may && target.health->on_busy(signal.retry_after, now())) {
      board.show(server, *target.health, now());
    }
    schedule(target);
  } else {
    target.health->ask_for_probe(now());
    schedule(target);
  }
}

// ---- Probes -----------------------------------------------------------------------------------

void Prober::Impl::schedule(Target& target) {
  const ServerHealth& health = *target.health;
  Instant next = std::min(health.probe_due(), health.probe_timeout());
  if (health.busy_until() != Instant::min()) next = std::min(next, health.busy_until());
  wheel_.schedule(target, next);
}

void Prober::Impl::on_timer(Target& target) {
  ServerHealth& health = *target.health;
  if (health.on_time(now())) board.show(index_of(target), health, now());
  if (now() >= health.probe_timeout()) {
    finish(target, {.result = ProbeResult::TimedOut});
  } else if (now() >= health.probe_due()) {
    send_probe(target);
  }
  schedule(target);
}

void Prober::Impl::send_probe(Target& target) {
  const ServerIndex server = index_of(target);
  target.health->on_probe_sent(now());
  target.sequence = target.sequence % kSequenceMax + 1;
  target.branch.clear();
  target.sent_at = now();
  target.traffic.look(parts_.load.answer_count(server), now());
  counters[server].sent.add();
  const ProbeStep step = target.socket->prepare();
  if (step == ProbeStep::Ready) {
    transmit(target);
  } else {
    take_step(target, step);
  }
}

void Prober::Impl::transmit(Target& target) {
  if (!target.is_waiting()) return;
  target.branch =
      probe_branch(options_.probe_key, {index_of(target), target.sequence, options_.seed},
                   target.socket->sent_by());
  const size_t length = write_probe(request_of(target), text_);
  take_step(target,
            length == 0 ? ProbeStep::Unsendable : target.socket->send({text_.data(), length}));
}

ProbeRequest Prober::Impl::request_of(const Target& target) const {
  const ProbeTarget& plan = plan_.targets[index_of(target)];
  return {.method = plan.options.method,
          .transport = plan.transport,
          .request_uri = plan.request_uri,
          .sent_by = target.socket->sent_by(),
          .branch = target.branch,
          .sequence = target.sequence};
}

void Prober::Impl::take_step(Target& target, ProbeStep step) {
  switch (step) {
    case ProbeStep::Ready:
    case ProbeStep::Connecting: return;
    case ProbeStep::Refused: return finish(target, {.result = ProbeResult::Refused});
    case ProbeStep::Unsendable: return finish(target, {.result = ProbeResult::Unsendable});
  }
}

void Prober::Impl::on_message(ServerIndex server, std::string_view message) {
  if (sip::scan(message, {}, message_) == sip::ScanStatus::Ok) {
    take_answer(targets_[server], message_);
  }
}

void Prober::Impl::on_refused(ServerIndex server) {
  Target& target = targets_[server];
  if (target.is_waiting()) finish(target, {.result = ProbeResult::Refused});
}

void Prober::Impl::take_answer(Target& target, const sip::Message& message) {
  if (!target.is_waiting() || target.branch.empty()) return;
  const auto answer = read_answer(message, request_of(target));
  if (!answer) return;
  counters[index_of(target)].probe_time.record(now() - target.sent_at);
  finish(
      target,
      {.result = ProbeResult::Answered, .code = answer->code, .retry_after = answer->retry_after});
}

void Prober::Impl::finish(Target& target, ServerHealth::Outcome outcome) {
  const ServerIndex server = index_of(target);
  ServerHealth& health = *target.health;
  target.traffic.look(parts_.load.answer_count(server), now());
  outcome.traffic = target.traffic.proof(plan_.targets[server].options.interval, now());
  const bool is_answer = health.reason_of(outcome) == HealthReason::Answered;
  (is_answer ? counters[server].answered : counters[server].failed).add();
  if (outcome.result != ProbeResult::Answered) target.socket->end();
  if (health.on_probe(outcome, now())) board.show(server, health, now());
  counters[server].disagreements.set(health.disagreement_count());
  schedule(target);
}

// ---- The outside ------------------------------------------------------------------------------

Prober::Prober(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Prober::~Prober() = default;

Result<std::unique_ptr<Prober>> Prober::create(const Options& options, const Parts& parts) {
  auto loop = net::EventLoop::create(options.server_count + transport::kListenersMax);
  if (!loop) return tl::unexpected(loop.error());
  auto mailbox = net::Mailbox::open({.small_count = options.signals, .large_count = kLargeSignals});
  if (!mailbox) return tl::unexpected(mailbox.error());
  return std::unique_ptr<Prober>(
      new Prober(std::make_unique<Impl>(options, parts, std::move(*loop), std::move(*mailbox))));
}

size_t Prober::memory_octets(const Options& options) {
  constexpr size_t kSocketOctets = std::max(sizeof(UdpProbeSocket), sizeof(TcpProbeSocket));
  const size_t server_octets =
      sizeof(Target) + kSocketOctets + 2 * sizeof(ProbeTarget) + sizeof(ProbeCounters);
  return sizeof(Impl) + sip::kMessageOctetsMax + 1 + options.server_count * server_octets +
         transport::kListenersMax * kSocketOctets +
         StatusBoard::memory_octets(board_options(options)) +
         net::Mailbox::memory_octets(
             {.small_count = options.signals, .large_count = kLargeSignals});
}

void Prober::run() {
  impl_->run();
}

void Prober::stop() {
  impl_->stop();
}

void Prober::wake() {
  impl_->loop->wake();
}

void Prober::tell(const balance::HealthSignal& signal, std::string_view octets) {
  impl_->tell(signal, octets);
}

Published<balance::PoolStatus>& Prober::status() {
  return impl_->board.published();
}

const ProbeCounters& Prober::counters(balance::ServerIndex server) const {
  return impl_->counters[server];
}

const SelfProbeCounters& Prober::self_probes(transport::ListenerIndex listener) const {
  return impl_->self_probes(listener);
}

std::vector<Transition> Prober::transitions(balance::ServerIndex server) const {
  return impl_->board.transitions().of(server);
}

uint64_t Prober::lost_signals() const {
  return impl_->lost_signals.load(std::memory_order_relaxed);
}

uint64_t Prober::progress() const {
  return impl_->turns.value();
}

Prober::Priority Prober::priority() const {
  return impl_->priority.load(std::memory_order_relaxed);
}

}  // namespace siplb::health
