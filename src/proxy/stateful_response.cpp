// Responses to what was relayed with state (RFC 3261, 16.7; SIP.md 5 and 6).
#include <algorithm>

#include "base/hash.h"
#include "proxy/client_return.h"
#include "proxy/stateful_path.h"
#include "proxy/upstream_via.h"

namespace siplb::proxy {

namespace {

constexpr uint32_t kRetryAfterMax = 86'400;

// 0 where it says none.
std::chrono::seconds read_retry_after(const sip::Message& response) {
  const sip::Header* const header = response.find("Retry-After");
  if (header == nullptr) return {};
  const std::string_view digits =
      header->value.substr(0, header->value.find_first_not_of("0123456789"));
  return std::chrono::seconds(sip::read_number(digits, kRetryAfterMax).value_or(0));
}

}  // namespace

// Whom the responses of a transaction that is over may still go to: nobody who forges a Via.
uint64_t StatefulPath::client_of(const transport::Flow& source, uint16_t reply_port) {
  const uint64_t connection = source.connection.number();
  const uint64_t hash =
      source.is_stream()
          ? hash_octets({reinterpret_cast<const char*>(&connection), sizeof connection})
          : source.remote.with_port(reply_port).hash();
  return (hash & ~uint64_t{0xff}) | source.listener;
}

std::optional<Verdict> StatefulPath::on_response(const sip::Message& response,
                                                 const transport::Flow& source, const Tick& tick) {
  const auto branch = sip::read_branch(response.via.branch);
  if (!branch) return std::nullopt;
  const ContextStore::Found found = store_.find(branch->hash, response.method, tick.now);
  const Answer answer{response, source, tick, branch->hash, branch->attempt};
  if (found.context != nullptr) return on_answer(*found.context, answer);
  if (found.tombstone != nullptr) return on_late_answer(*found.tombstone, answer);
  return std::nullopt;
}

Verdict StatefulPath::on_answer(ResponseContext& context, const Answer& answer) {
  const sip::Message& message = answer.message;
  if (answer.attempt >= context.attempt_count) return Verdict::drop(DropReason::ResponseStray);
  Attempt& attempt = context.attempts[answer.attempt];
  // Two listeners may have one name, but the answer comes back by its own.
  if (answer.source.listener != attempt.to.listener) {
    return Verdict::drop(DropReason::ResponseStray);
  }
  if (message.method == sip::Method::Cancel && attempt.is_cancel_sent) {
    static_cast<void>(attempt.other.on_response(message.status));
    settle(context, answer.tick);
    return Verdict::absorb(AbsorbReason::OwnRequest);
  }
  if (message.method != context.method) return Verdict::drop(DropReason::ResponseStray);
  sip::Via next;
  if (!context.has_no_client && !read_next_via(message, next)) {  // 16.7, step 3
    return Verdict::drop(DropReason::ResponseViaMissing);
  }
  note_answer(context, answer);
  const Verdict verdict =
      context.is_invite() ? on_invite_answer(context, answer) : on_other_answer(context, answer);
  settle(context, answer.tick);
  return verdict;
}

void StatefulPath::note_answer(ResponseContext& context, const Answer& answer) {
  const Attempt& attempt = context.attempts[answer.attempt];
  ServerCounters& server = counters_of(attempt.server);
  server.responses[answer.message.status / 100 - 1].add();
  balance::AnswerTime& answer_time = answer_time_of(attempt.server);
  const Instant now = answer.tick.now;
  const bool is_servers = attempt.server != balance::kNoServer;
  if (!context.is_waiting(attempt)) {
    answer_time.on_answer(now);
    if (is_servers) load_.on_answer(options_.worker, attempt.server);
    return;
  }
  const Duration after = now - context.sent_at(attempt);
  answer_time.on_first_answer(after, now);
  server.answer_time.record(after);
  if (is_servers) load_.on_first_answer(options_.worker, attempt.server, after, now);
}

Verdict StatefulPath::on_invite_answer(ResponseContext& context, const Answer& answer) {
  using transaction::InviteClient;
  InviteClient& client = context.attempts[answer.attempt].invite;
  const uint16_t status = answer.message.status;
  if (client.state() == InviteClient::State::Terminated && status >= 200) {  // out of its time
    const Target callee = target_of(context, answer.attempt);
    if (status < 300) return release(answer, callee);
    ack_again(answer, callee);
    return Verdict::absorb(AbsorbReason::Repeat);
  }
  const IsFirst is_first{client.is_pending()};
  switch (client.on_response(status)) {
    case InviteClient::Answer::Absorb: return Verdict::absorb(AbsorbReason::Repeat);
    case InviteClient::Answer::AckAgain:
      send_ack(context, answer);
      return Verdict::absorb(AbsorbReason::Repeat);
    case InviteClient::Answer::PassAndAck:
      send_ack(context, answer);
      return on_failure(context, answer);
    case InviteClient::Answer::Pass: break;
  }
  return status < 200 ? on_provisional(context, answer) : on_success(context, answer, is_first);
}

Verdict StatefulPath::on_provisional(ResponseContext& context, const Answer& answer) {
  Attempt& attempt = context.attempts[answer.attempt];
  if (attempt.is_given_up || attempt.is_cancel_wanted) {
    send_cancel(context, answer.attempt, answer.tick);
  }
  if (attempt.is_given_up || context.is_final_sent) return Verdict::absorb(AbsorbReason::GivenUp);
  if (answer.message.status == 100) {
    // The client hears a 100 in its time, if nothing better comes first. Only where nobody repeats
    // the request but the client, it is told at once that it need not.
    if (!context.held && !context.is_trying_sent && !context.is_ringing) {
      context.invite.on_provisional();
      send_trying(context);
    }
    return Verdict::absorb(AbsorbReason::Trying);
  }
  context.ringing_until = answer.tick.now + options_.timers.ringing;
  context.invite.on_provisional();
  context.is_ringing = true;
  store_.drop_held(context);
  forwarder_.forward_response(answer.message, reply_to(context));
  return Verdict::forward();
}

Verdict StatefulPath::on_success(ResponseContext& context, const Answer& answer, IsFirst is_first) {
  if (!context.is_final_sent) {
    forward_final(context, answer);
    if (!context.is_current(answer.attempt)) {
      hand_out_slot(context, context.current_attempt, answer.tick.now);
      follow(context, target_of(context, answer.attempt), answer.tick.now);
      take_in_slot(context, answer.attempt, answer.tick.now);
    }
    if (context.is_call) {
      chooser_.activate(call_of(context), context.attempts[answer.attempt].server, answer.tick.now);
    }
    return Verdict::forward();
  }
  const bool is_winner = answer.attempt == context.best_attempt && context.best_code < 300;
  const auto& options = outlook_.topology().groups()[context.group].options.failover;
  const bool is_callers = context.best_code < 300 && options.late_2xx == balance::Late2xx::Forward;
  if (!is_winner && (!is_callers || is_released(answer))) {
    return release(answer, target_of(context, answer.attempt));
  }
  if (!is_winner && is_first == IsFirst::Yes) {
    context.is_duplicate_noted = true;
    counters_.duplicate_answers.add();
  }
  forwarder_.forward_response(answer.message, reply_to(context));
  return Verdict::forward();
}

Verdict StatefulPath::on_other_answer(ResponseContext& context, const Answer& answer) {
  Attempt& attempt = context.attempts[answer.attempt];
  const uint16_t status = answer.message.status;
  const bool is_first = attempt.other.is_pending();
  const auto what = attempt.other.on_response(status);
  if (what == transaction::NonInviteClient::Answer::Absorb) {
    return Verdict::absorb(status < 200 ? AbsorbReason::Provisional : AbsorbReason::Repeat);
  }
  if (context.has_no_client) return Verdict::absorb(AbsorbReason::OwnRequest);
  if (!is_first) return Verdict::absorb(AbsorbReason::Repeat);  // what it led to has been done
  if (context.method == sip::Method::Bye) {
    chooser_.on_bye_answered({answer.message, answer.source, context.source}, answer.tick.now);
  }
  if (status >= 300) return on_failure(context, answer);
  forward_final(context, answer);
  return Verdict::forward();
}

// A final response of 300 or above.
Verdict StatefulPath::on_failure(ResponseContext& context, const Answer& answer) {
  const Attempt& attempt = context.attempts[answer.attempt];
  const uint16_t status = answer.message.status;
  // What names its server itself would not go elsewhere if that were full.
  if (status == 503 && context.is_invite() && !context.has_one_target) {
    tell(attempt, balance::HealthSignal::Kind::Busy, read_retry_after(answer.message));
  }
  if (context.is_final_sent) return Verdict::absorb(AbsorbReason::NotBest);
  // We asked for that ourselves.
  if (attempt.is_given_up && attempt.is_cancel_sent && status == 487) {
    return Verdict::absorb(AbsorbReason::NotBest);
  }
  const auto& codes = outlook_.topology().groups()[context.group].options.failover.codes;
  if (context.is_current(answer.attempt) &&
      std::find(codes.begin(), codes.end(), status) != codes.end() &&
      try_failover(context, FailoverReason::Code, answer.tick) == Failover::Done) {
    prefer(context, status, answer.attempt);
    return Verdict::absorb(AbsorbReason::FailedOver);
  }
  // RFC 4320, 4.2: it ends the attempt, and nothing is said.
  if (!context.is_invite() && status == 408) return Verdict::absorb(AbsorbReason::NotBest);
  if (status >= 600) {  // nobody else is to be asked (16.7, step 5)
    for (uint8_t i = 0; i < context.attempt_count; ++i) stop(context, i, answer.tick);
  }
  // Of two that are equally good the one that can be shown is better.
  const bool is_best = is_better(status, context.best_code) ||
                       (store_.kept(context).empty() && !is_better(context.best_code, status));
  if (is_best && !context.is_answer_open()) {
    forward_final(context, answer);
    return Verdict::forward();
  }
  if (is_best) note_final(context, answer);
  return Verdict::absorb(AbsorbReason::NotBest);
}

// Writes the response as it goes upstream: without our Via, and with 500 for a 503 that says
// nothing about the whole group (16.7, step 6).
uint16_t StatefulPath::edit_final(ResponseContext& context, const Answer& answer, Final& out) {
  const sip::Message& message = answer.message;
  sip::Editor& editor = out.editor;
  out.length = missing_length(message, context.source);
  edit_response(message, out.length, editor);
  if (message.status != 503) return message.status;
  const bool is_overloaded = !is_anyone_left(context, answer.tick.now) &&
                             (context.best_code == 0 || context.best_code == 503);
  if (!is_overloaded) {
    editor.replace(message.start_line, "SIP/2.0 500 Server Internal Error\r\n");
    return 500;
  }
  if (message.find("Retry-After") == nullptr) {
    editor.insert_before(message.start_line.data() + message.start_line.size(), kRetryAfter);
  }
  return 503;
}

void StatefulPath::forward_final(ResponseContext& context, const Answer& answer) {
  Final final{.length = {}, .editor = sip::Editor(answer.message.text)};
  context.best_code = edit_final(context, answer, final);
  context.best_attempt = answer.attempt;
  const auto pieces = final.editor.pieces();
  static_cast<void>(forwarder_.send(reply_to(context), pieces));
  // It is repeated until its ACK; without a copy it is made again from its code.
  if (context.is_invite() && context.best_code >= 300) {
    static_cast<void>(store_.keep(context, pieces));
  }
  on_final_sent(context, answer.tick);
}

// Keeps it as the best so far, while another attempt may still do better.
void StatefulPath::note_final(ResponseContext& context, const Answer& answer) {
  Final final{.length = {}, .editor = sip::Editor(answer.message.text)};
  context.best_code = edit_final(context, answer, final);
  context.best_attempt = answer.attempt;
  static_cast<void>(store_.keep(context, final.editor.pieces()));
}

Verdict StatefulPath::on_late_answer(transaction::Tombstone& tombstone, const Answer& answer) {
  const sip::Message& message = answer.message;
  const bool is_invite = tombstone.method == sip::Method::Invite;
  const balance::ServerIndex server = answer.attempt == tombstone.attempt
                                          ? tombstone.server
                                          : outlook_.topology().find_by_place(answer.source.remote);
  if (server != balance::kNoServer) {
    counters_.servers[server].responses[message.status / 100 - 1].add();
  }
  if (is_invite && message.method == sip::Method::Cancel) {
    return Verdict::absorb(AbsorbReason::OwnRequest);
  }
  if (message.method != tombstone.method) return Verdict::drop(DropReason::ResponseStray);
  if (message.status < 200) return Verdict::absorb(AbsorbReason::GivenUp);
  if (is_invite && message.status >= 300) {
    if (const auto callee = callee_by_source(answer)) ack_again(answer, *callee);
    return Verdict::absorb(AbsorbReason::Repeat);
  }
  if (is_invite) return on_late_success(tombstone, answer);
  // RFC 4320, 4.2: no late final where none was sent.
  if (tombstone.ending == transaction::Ending::Silent) {
    return Verdict::drop(DropReason::ResponseStray);
  }
  const bool is_winner =
      tombstone.ending == transaction::Ending::Answered && answer.attempt == tombstone.attempt;
  return is_winner ? forward_late(tombstone, answer) : Verdict::absorb(AbsorbReason::NotBest);
}

Verdict StatefulPath::on_late_success(transaction::Tombstone& tombstone, const Answer& answer) {
  const bool is_answered = tombstone.code / 100 == 2;
  const bool is_winner = is_answered && answer.attempt == tombstone.attempt;
  const bool is_callers = is_answered && late_2xx_of(tombstone.server) == balance::Late2xx::Forward;
  if (!is_winner && (!is_callers || is_released(answer))) {
    const auto callee = callee_by_source(answer);
    return callee ? release(answer, *callee) : Verdict::drop(DropReason::ResponseStray);
  }
  const Verdict verdict = forward_late(tombstone, answer);
  if (!is_winner && tombstone.is_noted == 0 && verdict.kind == Verdict::Kind::Forward) {
    tombstone.is_noted = 1;
    counters_.duplicate_answers.add();
  }
  return verdict;
}

// Who is no server was the only one asked, so nobody else answers late.
balance::Late2xx StatefulPath::late_2xx_of(balance::ServerIndex server) const {
  if (server == balance::kNoServer) return balance::Late2xx::Forward;
  const balance::GroupIndex group = outlook_.topology().servers()[server].group;
  return outlook_.topology().groups()[group].options.failover.late_2xx;
}

// The client's flow went with the context; the Via below ours, and its seal, must name the same.
Verdict StatefulPath::forward_late(const transaction::Tombstone& tombstone, const Answer& answer) {
  sip::Via next;
  if (!read_next_via(answer.message, next)) return Verdict::drop(DropReason::ResponseViaMissing);
  sip::ViaSeal seal;
  const auto fault =
      outlook_.snapshot->seal.open_via(answer.message.via, sip::canonical(next), seal);
  if (fault != sip::SealFault::None) {
    // Some servers mangle it. Over UDP the listener is all that it would say.
    seal = {};
    seal.listener =
        outlook_.snapshot->sides[static_cast<transport::ListenerIndex>(tombstone.client & 0xff)]
            .hash;
  }
  const auto client = flow_of_client(*outlook_.snapshot, next, seal);
  if (!client || client_of(*client, client->remote.port()) != tombstone.client) {
    return Verdict::drop(DropReason::ResponseSealRefused);
  }
  const auto to = answer_flow(wire_, *client, answer_port(next, *client));
  if (!to) return Verdict::drop(DropReason::ResponseUnreachable);
  forwarder_.forward_response(answer.message, *to);
  return Verdict::forward();
}

}  // namespace siplb::proxy
