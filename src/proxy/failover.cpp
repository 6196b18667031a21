// When a request goes on to another server (SIP.md, 6).
#include <algorithm>
#include <utility>

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

TargetChooser::Next next_after(const ResponseContext& context,
                               std::span<const balance::ServerIndex> tried) {
  return {.group = context.group,
          .key_hash = context.key_hash,
          .method = context.method,
          .tried = tried};
}

// Whether what was sent to `to` was sent by that connection: one that came in is named, of those
// that we open there is one to a place.
bool went_by(const transport::Flow& to, const transport::Flow& connection) {
  if (!to.connection.is_none()) return to.connection == connection.connection;
  return connection.connection.is_outbound() && to.remote == connection.remote &&
         to.listener == connection.listener && to.transport == connection.transport;
}

}  // namespace

bool StatefulPath::is_anyone_left(const ResponseContext& context, Instant now) const {
  Tried tried;
  return chooser_.has_next(next_after(context, servers_tried(context, tried)), now);
}

Duration StatefulPath::patience_with(ResponseContext& context) const {
  const auto& options = outlook_.topology().groups()[context.group].options.failover;
  Duration at_least = options.first_response_timeout;
  if (context.method == sip::Method::Register) at_least = std::max(at_least, kRegisterPatience);
  return answer_time_of(context.current().server).patience(at_least);
}

bool StatefulPath::may_turn_elsewhere(const ResponseContext& context) const {
  const auto& options = outlook_.topology().groups()[context.group].options.failover;
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
  if (++current.patience_count == 1) tell(current, balance::HealthSignal::Kind::Silent);
  // The last candidate is never given up.
  if (!may_turn_elsewhere(context) || !is_anyone_left(context, tick.now)) return;
  // A server that answers others is slow, not dead: then half of the budget is left to those that
  // meet a dead one.
  const bool is_alive = answer_time_of(current.server).has_answered_within(patience, tick.now);
  if (is_alive && !budget_of(context.group, tick.now).is_ample(tick.now)) {
    counters_.groups[context.group].budget_exhausted.add();
    return;
  }
  static_cast<void>(try_failover(context, FailoverReason::Silence, tick));
}

StatefulPath::Failover StatefulPath::try_failover(ResponseContext& context, FailoverReason reason,
                                                  const Tick& tick) {
  if (!may_turn_elsewhere(context) || !is_anyone_left(context, tick.now)) {
    return Failover::Impossible;
  }
  // A server that got nothing did no work: that retry adds no load.
  if (reason != FailoverReason::Unreachable &&
      !budget_of(context.group, tick.now).try_spend(tick.now)) {
    counters_.groups[context.group].budget_exhausted.add();
    return Failover::Impossible;
  }
  const Request request = read_held(context, tick);
  const uint8_t before = context.current_attempt;
  bool has_moved = false;
  while (may_turn_elsewhere(context)) {
    Tried tried;
    const auto next =
        chooser_.choose_next(next_after(context, servers_tried(context, tried)), tick.now);
    if (!next) break;
    const uint8_t attempt = context.attempt_count;
    if (!has_moved) hand_out_slot(context, before, tick.now);
    follow(context, {.server = next->server, .to = next->to, .attempt = attempt}, tick.now);
    has_moved = true;
    if (begin_attempt(context, request, *next) == Sent::No) continue;
    give_up(context, before, reason, tick);
    return Failover::Done;
  }
  if (has_moved) come_back(context, tick.now);
  return Failover::Impossible;
}

// To that server goes the call: CANCEL and what comes later follow, and its call slot.
void StatefulPath::follow(const ResponseContext& context, const Target& target, Instant now) {
  if (target.server == balance::kNoServer) return;
  chooser_.follow({call_of(context), target.server, target.attempt}, now);
}

// All others were tried in vain: the call stays where it was.
void StatefulPath::come_back(ResponseContext& context, Instant now) {
  follow(context, target_of(context, context.current_attempt), now);
  take_in_slot(context, context.current_attempt, now);
}

// As long as the attempt is pending its server may take the call: so it keeps its slot.
void StatefulPath::hand_out_slot(ResponseContext& context, uint8_t index, Instant now) {
  Attempt& attempt = context.attempts[index];
  if (!context.is_call || attempt.server == balance::kNoServer) return;
  attempt.has_slot = chooser_.hand_out_slot(call_of(context), attempt.server, now);
}

void StatefulPath::take_in_slot(ResponseContext& context, uint8_t index, Instant now) {
  Attempt& attempt = context.attempts[index];
  if (!attempt.has_slot) return;
  attempt.has_slot = !chooser_.take_in_slot(call_of(context), attempt.server, now);
}

// What was answered 2xx is active by now, and stays.
void StatefulPath::end_reservation(const ResponseContext& context, Instant now) {
  if (!context.is_call) return;
  chooser_.end_reservation(call_of(context), context.attempts[context.current_attempt].server, now);
}

TargetChooser::Call StatefulPath::call_of(const ResponseContext& context) {
  return {context.affinity_key, context.from_tag_hash, context.method};
}

void StatefulPath::give_up(ResponseContext& context, uint8_t index, FailoverReason reason,
                           const Tick& tick) {
  Attempt& attempt = context.attempts[index];
  attempt.is_given_up = true;
  context.stop_repeating(attempt);
  withdraw(context, index);
  counters_of(attempt.server).failovers[reason].add();
  counters_.originated[OriginatedKind::Retry].add();
  events_.post({.at = tick.now,
                .id = EventId::ServerFailover,
                .lane = options_.lane,
                .args = {attempt.server, static_cast<int64_t>(reason)}});
}

void StatefulPath::tell(const Attempt& attempt, balance::HealthSignal::Kind kind,
                        std::chrono::seconds retry_after) {
  if (attempt.server == balance::kNoServer) return;
  health_.tell({.kind = kind, .server = attempt.server, .retry_after = retry_after, .remote = {}});
}

// Whose request that was, if no answer to it has come: who has answered was reached, whatever
// anybody says.
ResponseContext* StatefulPath::find_waiting(const sip::Quote& quote, const sip::OwnBranch& branch,
                                            Instant now) {
  ResponseContext* const context = store_.find(branch.hash, quote.method, now).context;
  if (context == nullptr || quote.method != context->method) return nullptr;
  if (branch.attempt >= context->attempt_count) return nullptr;
  return context->is_waiting(context->attempts[branch.attempt]) ? context : nullptr;
}

// That a repeat did not arrive does not prove that the first sending did not; and what was not
// held, a client without a stream repeats.
bool StatefulPath::is_proof(const ResponseContext& context, uint8_t index) {
  const Attempt& attempt = context.attempts[index];
  const bool has_repeated = attempt.invite.has_repeated() || attempt.other.has_repeated();
  return !has_repeated && (context.held || context.is_invite() || context.source.is_stream());
}

void StatefulPath::on_undelivered(const sip::Quote& quote, const SockAddress& destination,
                                  const Tick& tick) {
  const auto branch = sip::read_branch(quote.branch);
  if (!branch) return;
  // Whoever forges this must know a secret branch.
  ResponseContext* const context = find_waiting(quote, *branch, tick.now);
  if (context == nullptr) return;
  if (context->attempts[branch->attempt].to.remote != destination) return;
  const bool is_certain = is_proof(*context, branch->attempt);
  fail(*context, branch->attempt, is_certain ? Failure::Unsent : Failure::Doubtful, tick);
}

void StatefulPath::on_unsent(const sip::Quote& quote, const Tick& tick) {
  const auto branch = sip::read_branch(quote.branch);
  if (!branch) return;
  ResponseContext* const context = find_waiting(quote, *branch, tick.now);
  if (context == nullptr) return;
  const bool is_certain = is_proof(*context, branch->attempt);
  fail(*context, branch->attempt, is_certain ? Failure::Unsent : Failure::Doubtful, tick);
}

void StatefulPath::on_disconnected(const transport::Flow& connection, const Tick& tick) {
  store_.for_each([&](ResponseContext& context) {
    const Attempt& current = context.current();
    if (!context.is_waiting(current) || !went_by(current.to, connection)) return;
    fail(context, context.current_attempt, Failure::Lost, tick);
  });
}

// What failed was the last candidate, or one that was given up for another.
void StatefulPath::fail(ResponseContext& context, uint8_t index, Failure failure,
                        const Tick& tick) {
  Attempt& attempt = context.attempts[index];
  tell(attempt, balance::HealthSignal::Kind::Refused);
  // Else what still waits for the next connection would be a ghost.
  if (failure == Failure::Lost) take_back(context, index);
  if (failure == Failure::Unsent) context.end(attempt);
  if (context.is_current(index)) {
    const bool goes_on = goes_elsewhere(context, failure, tick);
    if (!goes_on && failure != Failure::Doubtful) {
      context.end(attempt);
      prefer(context, context.is_cancelled ? 487 : context.unreachable_code, index);
    }
  }
  settle(context, tick);
}

bool StatefulPath::goes_elsewhere(ResponseContext& context, Failure failure, const Tick& tick) {
  // What was sent before its connection was lost may have arrived, even if its repeat did not.
  if (failure == Failure::Unsent && !context.has_lost_one) {
    return is_sent_over_datagrams(context, tick) ||
           try_failover(context, FailoverReason::Unreachable, tick) == Failover::Done;
  }
  if (failure == Failure::Lost) {
    if (std::exchange(context.has_lost_one, true)) return false;
    if (is_sent_again(context, tick)) return true;
  }
  if (!may_follow_silence(context.method)) return false;
  const auto reason =
      failure == Failure::Doubtful ? FailoverReason::Unreachable : FailoverReason::Disconnected;
  return try_failover(context, reason, tick) == Failover::Done;
}

// By a new connection to the same server. One branch is one request to it, however often that comes
// (17.2.3), so this harms no method.
bool StatefulPath::is_sent_again(ResponseContext& context, const Tick& tick) {
  const bool is_wanted = !context.is_final_sent && !context.is_cancelled && !context.has_no_client;
  if (!is_wanted || !context.held || !context.current().to.connection.is_none()) return false;
  counters_.retransmissions[RepeatDirection::Server].add();
  return transmit(read_held(context, tick),
                  {target_of(context, context.current_attempt), context.wants_path}) == Sent::Yes;
}

// The server that refused a stream may still take datagrams.
bool StatefulPath::is_sent_over_datagrams(ResponseContext& context, const Tick& tick) {
  if (!context.held || context.is_final_sent || context.is_cancelled) return false;
  const Transmission refused{target_of(context, context.current_attempt), context.wants_path};
  if (!size_rule_.over_datagrams(refused.target.server, refused.target.to)) return false;
  return send_over_datagrams(context, read_held(context, tick), refused) == Sent::Yes;
}

}  // namespace siplb::proxy
