// What time brings, and how a request ends: the answer upstream, then the tombstone.
#include <algorithm>
#include <utility>

#include "proxy/stateful_path.h"

namespace siplb::proxy {

void StatefulPath::run_timers(const Tick& tick) {
  store_.wheel().advance(tick.now, [this, &tick](net::TimerNode& node) {
    run_timers(static_cast<ResponseContext&>(node), tick);
  });
}

void StatefulPath::run_timers(ResponseContext& context, const Tick& tick) {
  const auto& timers = options_.timers;
  if (context.awaited != NamedBy::Nothing && tick.now >= waits_.until(context)) {
    waits_.remove(context);
    counters_.names_refused[NameRefusal::NoAnswer].add();
    return turn_away(context, 480, tick);
  }
  if (context.is_invite()) {
    using Due = transaction::InviteServer::Due;
    switch (context.invite.on_timer(timers, tick.now)) {
      case Due::SendTrying: send_trying(context); break;
      case Due::SendFinal: static_cast<void>(repeat_final(context)); break;
      case Due::GaveUp:
      case Due::Nothing: break;
    }
  } else if (!context.has_no_client) {
    using Due = transaction::NonInviteServer::Due;
    if (context.other.on_timer(timers, tick.now) == Due::SendTrying) send_trying(context);
  }
  for (uint8_t i = 0; i < context.attempt_count; ++i) run_timers(context, i, tick);
  if (!context.is_invite() && tick.now >= over_at(context)) {
    for (Attempt& attempt : context.tried()) context.end(attempt);
    context.best_code = 0;
  }
  watch_silence(context, tick);
  if (context.is_invite() && !context.is_final_sent && tick.now >= context.ringing_until) {
    context.ringing_until = Instant::max();
    for (uint8_t i = 0; i < context.attempt_count; ++i) stop(context, i, tick);
  }
  settle(context, tick);
}

void StatefulPath::run_timers(ResponseContext& context, uint8_t index, const Tick& tick) {
  const auto& timers = options_.timers;
  Attempt& attempt = context.attempts[index];
  if (!context.is_pending(attempt)) return;
  if (!context.is_invite()) {
    using Due = transaction::NonInviteClient::Due;
    switch (attempt.other.on_timer(timers, tick.now)) {
      case Due::Repeat: repeat(context, index, tick); break;
      case Due::TimedOut:
      case Due::Nothing: break;
    }
    return;
  }
  const uint16_t code = context.is_cancelled ? 487 : 408;
  using Due = transaction::InviteClient::Due;
  switch (attempt.invite.on_timer(timers, tick.now)) {
    case Due::Repeat: repeat(context, index, tick); break;
    case Due::TimedOut: prefer_own(context, code, index); break;
    case Due::Nothing: break;
  }
  if (!attempt.is_cancel_sent) return;
  if (attempt.other.on_timer(timers, tick.now) == transaction::NonInviteClient::Due::Repeat) {
    if (send_hop_request(context, index, {sip::Method::Cancel, {}, tick}) == Sent::Yes) {
      counters_.retransmissions[RepeatDirection::Server].add();
    }
  }
  if (tick.now >= attempt.other.sent_at() + timers.invite) {  // 9.1
    context.end(attempt);
    prefer_own(context, code, index);
  }
}

// When the client of another request than an INVITE has given up, whoever was asked last: nothing
// is answered after that (RFC 4320, 4.2).
Instant StatefulPath::over_at(const ResponseContext& context) const {
  if (context.attempt_count == 0) return Instant::max();
  return context.attempts.front().other.sent_at() + options_.timers.non_invite;
}

// That a server which was given up says nothing is no answer: the last candidate has its time.
void StatefulPath::prefer_own(ResponseContext& context, uint16_t code, uint8_t attempt) {
  if (context.is_current(attempt)) prefer(context, code, attempt);
}

// Notes a final response without its octets, unless a better one is there.
void StatefulPath::prefer(ResponseContext& context, uint16_t code, uint8_t attempt) {
  if (context.is_final_sent || !is_better(code, context.best_code)) return;
  context.best_code = code;
  context.best_attempt = attempt;
  store_.drop_kept(context);
}

void StatefulPath::settle(ResponseContext& context, const Tick& tick) {
  for (Attempt& attempt : context.tried()) {
    if (!context.is_pending(attempt)) count_out(attempt);
  }
  if (!context.is_final_sent && !context.has_no_client && context.best_code != 0 &&
      !context.is_answer_open()) {
    answer_best(context, tick);
  }
  const bool is_pending = context.is_any_pending();
  // Late answers to anything but an INVITE need nothing done.
  const bool is_owed = is_pending && (context.is_invite() || !context.is_final_sent);
  const bool is_silent = !is_pending && !context.is_final_sent;  // RFC 4320: no 408
  if (!is_owed && (is_silent || context.is_upstream_done())) {
    finish(context, tick);
  } else {
    schedule(context);
  }
}

// The server has nothing of ours to answer any more.
void StatefulPath::count_out(Attempt& attempt) {
  if (std::exchange(attempt.is_inflight, false)) load_.on_ended(options_.worker, attempt.server);
  if (std::exchange(attempt.has_slot, false)) chooser_.release_slot(attempt.server);
}

void StatefulPath::answer_best(ResponseContext& context, const Tick& tick) {
  if (!store_.kept(context).empty()) {
    forwarder_.send(reply_to(context), store_.kept(context));
  } else if (!send_final(context, tick.now)) {
    return;
  }
  counters_.originated[OriginatedKind::Final].add();
  on_final_sent(context, tick);
}

void StatefulPath::on_final_sent(ResponseContext& context, const Tick& tick) {
  context.is_final_sent = true;
  if (context.is_invite()) {
    context.invite.on_final(context.best_code, tick.now);
    if (outlook_.snapshot->logs_calls) tell_answered(context, tick.now);
    // Before its client tries again with credentials: what that INVITE reserves is its own.
    if (context.best_code >= 300) end_reservation(context, tick.now);
    for (uint8_t i = 0; i < context.attempt_count; ++i) stop(context, i, tick);
  } else {
    context.other.on_final();
  }
  store_.drop_held(context);
}

void StatefulPath::tell_answered(const ResponseContext& context, Instant now) const {
  const Duration after =
      context.attempt_count == 0 ? Duration() : now - context.sent_at(context.attempts.front());
  const std::string_view held = store_.held(context);
  events_.post({.at = now,
                .id = EventId::CallAnswered,
                .lane = options_.lane,
                .args = {context.attempts[context.best_attempt].server, context.best_code,
                         std::chrono::ceil<std::chrono::milliseconds>(after).count()},
                .remote = context.source.remote},
               sip::peek_call_id(held.empty() ? store_.remnant(context) : held));
}

void StatefulPath::finish(ResponseContext& context, const Tick& tick) {
  for (Attempt& attempt : context.tried()) count_out(attempt);
  if (!context.is_final_sent) end_reservation(context, tick.now);
  using transaction::Ending;
  transaction::Tombstone tombstone;
  tombstone.client = client_of(context.source, context.reply_port);
  tombstone.method = context.method;
  if (context.is_final_sent) {
    tombstone.code = context.best_code;
    tombstone.attempt = context.best_attempt;
    tombstone.ending = context.is_best_local ? Ending::Local : Ending::Answered;
  } else if (context.best_code != 0) {
    // There was nothing to make the answer from: the next repeat gets it.
    tombstone.code = context.best_code;
    tombstone.ending = Ending::Local;
  } else {
    tombstone.ending = Ending::Silent;
  }
  tombstone.server = context.attempts[context.best_attempt].server;
  const bool is_confirmed = context.invite.state() == transaction::InviteServer::State::Confirmed;
  tombstone.is_noted = is_confirmed || context.is_duplicate_noted ? 1 : 0;
  store_.finish(context, tombstone, tick.now);
}

void StatefulPath::schedule(ResponseContext& context) {
  const Instant next = next_deadline(context);
  // A timer that is put off stays where it is and finds nothing to do when it fires.
  if (!context.scheduled() || next < context.deadline()) store_.wheel().schedule(context, next);
}

Instant StatefulPath::next_deadline(ResponseContext& context) const {
  const auto& timers = options_.timers;
  Instant next = Instant::max();
  const auto include = [&next](std::optional<Instant> deadline) {
    if (deadline) next = std::min(next, *deadline);
  };
  if (context.is_invite()) {
    include(context.invite.deadline(timers));
    if (!context.is_final_sent) include(context.ringing_until);
  } else {
    include(over_at(context));
    if (!context.has_no_client) include(context.other.deadline(timers));
  }
  for (const Attempt& attempt : context.tried()) {
    if (!context.is_pending(attempt)) continue;
    if (context.is_invite()) include(attempt.invite.deadline(timers));
    if (!context.is_invite() || attempt.is_cancel_sent) include(attempt.other.deadline(timers));
    if (attempt.is_cancel_sent) include(attempt.other.sent_at() + timers.invite);
  }
  if (is_silence_watched(context)) include(silent_at(context));
  if (context.awaited != NamedBy::Nothing) include(waits_.until(context));
  return next;
}

}  // namespace siplb::proxy
