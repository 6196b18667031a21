// When a request goes on to another server (SIP.md, 6).
#include <algorithm>

#include "proxy/stateful_path.h"

namespace siplb::proxy {
namespace {

constexpr Duration kRegisterPatience = std::chrono::seconds(3);

// Requests that do no harm when a silent server has taken them after all.
bool may_follow_silence(sip::Method method) {
  return method == sip::Method::Invite || method == sip::Method::Options ||
         method == sip::Method::Register;
}

using Tried = std::array<balance::ServerIndex, balance::kAttemptsMax>;

std::span<const balance::ServerIndex> servers_tried(const ResponseContext& context, Tried& out) {
  for (size_t i = 0; i < context.attempt_count; ++i) out[i] = context.attempts[i].server;
  return {out.data(), context.attempt_count};
}

}  // namespace

bool StatefulPath::is_anyone_left(const ResponseContext& context) const {
  Tried tried;
  return snapshot_.topology.has_next(context.group, servers_tried(context, tried));
}

Duration StatefulPath::patience_with(ResponseContext& context) const {
  const auto& options = snapshot_.topology.groups()[context.group].options.failover;
  Duration at_least = options.first_response_timeout;
  if (context.method == sip::Method::Register) at_least = std::max(at_least, kRegisterPatience);
  return answer_time_of(context.current().server).patience(at_least);
}

bool StatefulPath::may_turn_elsewhere(const ResponseContext& context) const {
  const auto& options = snapshot_.topology.groups()[context.group].options.failover;
  return !context.is_final_sent && !context.is_cancelled && !context.has_one_target &&
         !context.has_no_client && context.held && context.attempt_count < options.max_attempts;
}

// Silence matters while another server could be asked, and while another's answer is kept for it.
bool StatefulPath::is_silence_watched(ResponseContext& context) const {
  if (context.is_final_sent || context.has_no_client || !context.is_waiting(context.current())) {
    return false;
  }
  return may_follow_silence(context.method) && (context.kept || may_turn_elsewhere(context));
}

Instant StatefulPath::silent_at(ResponseContext& context) const {
  const Attempt& current = context.current();
  return context.sent_at(current) + (current.patience_count + 1) * patience_with(context);
}

void StatefulPath::watch_silence(ResponseContext& context, const Tick& tick) {
  if (!is_silence_watched(context) || tick.now < silent_at(context)) return;
  Attempt& current = context.current();
  const Duration patience = patience_with(context);
  ++current.patience_count;
  // The last candidate is never given up.
  if (!may_turn_elsewhere(context) || !is_anyone_left(context)) return;
  // A server that answers others is slow, not dead: then half of the budget is left to those that
  // meet a dead one.
  const bool is_alive = answer_time_of(current.server).has_answered_within(patience, tick.now);
  if (is_alive && !budgets_[context.group].is_ample(tick.now)) {
    counters_.groups[context.group].budget_exhausted.add();
    return;
  }
  static_cast<void>(try_failover(context, FailoverReason::Silence, tick));
}

StatefulPath::Failover StatefulPath::try_failover(ResponseContext& context, FailoverReason reason,
                                                  const Tick& tick) {
  if (!may_turn_elsewhere(context) || !is_anyone_left(context)) return Failover::Impossible;
  // A server that got nothing did no work: that retry adds no load.
  if (reason != FailoverReason::Unreachable && !budgets_[context.group].try_spend(tick.now)) {
    counters_.groups[context.group].budget_exhausted.add();
    return Failover::Impossible;
  }
  const Request request = read_held(context, tick);
  Tried tried;
  auto next = chooser_.choose_next(context.group, context.key_hash, servers_tried(context, tried));
  if (!next) return Failover::Impossible;

  Attempt& current = context.current();
  current.is_given_up = true;
  context.stop_repeating(current);
  counters_of(current.server).failovers[reason].add();
  counters_.originated[OriginatedKind::Retry].add();
  events_.post({.at = tick.now,
                .id = EventId::ServerFailover,
                .lane = options_.lane,
                .args = {current.server, static_cast<int64_t>(reason)}});
  next->attempt = context.attempt_count;
  begin_attempt(context, request, *next);
  chooser_.follow({.call_id = request.message.call_id,
                   .sender_group = context.sender_group,
                   .from_tag_hash = context.from_tag_hash,
                   .method = context.method,
                   .server = next->server,
                   .attempt = next->attempt},
                  tick.now);
  return Failover::Done;
}

void StatefulPath::on_undelivered(const sip::Quote& quote, const SockAddress& destination,
                                  const Tick& tick) {
  const auto branch = sip::read_branch(quote.branch);
  if (!branch) return;
  ResponseContext* const context = store_.find(branch->hash, quote.method, tick.now).context;
  if (context == nullptr || branch->attempt >= context->attempt_count) return;
  Attempt& attempt = context->attempts[branch->attempt];
  // Whoever forges this must know a secret branch; and who has answered was reached.
  if (quote.method != context->method || attempt.to.remote != destination ||
      !context->is_waiting(attempt)) {
    return;
  }
  // That a repeat was refused does not prove that the first sending was; and what was not held, the
  // client repeats. Then it is no more than silence.
  const bool has_repeated = attempt.invite.has_repeated() || attempt.other.has_repeated();
  const bool is_certain = !has_repeated && (context->held || context->is_invite());
  if (!is_certain && !may_follow_silence(context->method)) return;
  if (is_certain) context->end(attempt);
  const bool is_current = branch->attempt + 1 == context->attempt_count;
  if (is_current &&
      try_failover(*context, FailoverReason::Unreachable, tick) == Failover::Impossible &&
      is_certain) {
    prefer(*context, context->is_cancelled ? 487 : 503, branch->attempt);
  }
  settle(*context, tick);
}

}  // namespace siplb::proxy
