// Requests: a new one gets its transaction; a repeat, a CANCEL or an ACK finds the one it belongs
// to.
#include <utility>

#include "base/assert.h"
#include "proxy/client_return.h"
#include "proxy/dialog_token.h"
#include "proxy/stateful_path.h"

namespace siplb::proxy {
namespace {

using Known = StatefulPath::Known;

Known decided(const Verdict& verdict) {
  return {.kind = Known::Kind::Decided, .verdict = verdict};
}

Known replied(uint16_t code) {
  return decided(Verdict::reply(code, {}, code == 503 ? StatefulPath::kRetryAfter : ""));
}

Known absorbed(AbsorbReason reason) {
  return decided(Verdict::absorb(reason));
}

}  // namespace

StatefulPath::StatefulPath(const Options& options, const Outlook& outlook, const Parts& parts)
    : options_(options),
      outlook_(outlook),
      store_(parts.store),
      chooser_(parts.chooser),
      wire_(parts.wire),
      forwarder_(parts.forwarder),
      size_rule_(parts.size_rule),
      local_reply_(parts.local_reply),
      waits_(parts.waits),
      counters_(parts.counters),
      events_(parts.events),
      load_(parts.load),
      health_(parts.health),
      answer_times_(outlook.topology().servers().size() + 1) {
  budgets_.reserve(outlook.topology().groups().size());
  for (const balance::Group& group : outlook.topology().groups()) {
    budgets_.emplace_back(group.options.failover.budget_percent, options.lane_count, Instant{});
  }
}

// Its percentage is that of today: where another one is configured, it begins anew.
balance::RetryBudget& StatefulPath::budget_of(balance::GroupIndex group, Instant now) {
  const uint8_t percent = outlook_.topology().groups()[group].options.failover.budget_percent;
  balance::RetryBudget& budget = budgets_[group];
  if (budget.percent() != percent) budget = {percent, options_.lane_count, now};
  return budget;
}

Known StatefulPath::find(const sip::Message& request, const sip::BranchHash& branch,
                         const transport::Flow& source, const Tick& tick) {
  const ContextStore::Found found = store_.find(branch, request.method, tick.now);
  if (found.context != nullptr) return find_in(*found.context, request, source, tick);
  if (found.tombstone != nullptr) return find_in(*found.tombstone, request);
  return {};
}

Known StatefulPath::find_in(ResponseContext& context, const sip::Message& request,
                            const transport::Flow& source, const Tick& tick) {
  if (context.is_invite() && request.method == sip::Method::Cancel) {
    return decided(cancel(context, tick));
  }
  if (context.is_invite() && request.method == sip::Method::Ack) {
    using State = transaction::InviteServer::State;
    const State state = context.invite.state();
    // The ACK to a 2xx goes to the server, though some give it the INVITE's branch.
    if (state != State::Completed && state != State::Confirmed) return {};
    if (context.invite.on_ack()) settle(context, tick);
    return absorbed(AbsorbReason::Ack);
  }
  // Whoever else repeats it has no right to make us answer the first.
  if (!source.remote.same_ip(context.source.remote)) return absorbed(AbsorbReason::Repeat);
  // A NAT may have given a client another port. A server is known by its own.
  if (context.sender_group == 0 && source.listener == context.source.listener) {
    context.source = source;
    context.reply_port = answer_port(request.via, source);
  }
  // What was not held is not repeated by us, and what rings is said again by the server: nobody
  // keeps its words here.
  const bool is_servers = !context.held || context.is_ringing;
  if (context.is_invite()) {
    using Repeat = transaction::InviteServer::Repeat;
    switch (context.invite.on_request()) {
      case Repeat::SendFinal: return repeat_final(context);
      case Repeat::Absorb: return absorbed(AbsorbReason::Repeat);
      case Repeat::SendProvisional: break;
    }
    if (!is_servers) {
      context.invite.on_provisional();
      return decided(Verdict::reply(100));
    }
  } else if (!is_servers) {
    using Repeat = transaction::NonInviteServer::Repeat;
    const bool is_late = context.other.on_request() == Repeat::SendTrying;
    return is_late ? decided(Verdict::reply(100)) : absorbed(AbsorbReason::Repeat);
  }
  return {.kind = Known::Kind::PassOn,
          .target = target_of(context, context.current_attempt),
          .wants_path = context.wants_path};
}

Known StatefulPath::repeat_final(ResponseContext& context) {
  counters_.retransmissions[RepeatDirection::Client].add();
  forwarder_.send(reply_to(context), store_.kept(context));
  return absorbed(AbsorbReason::Repeat);
}

Known StatefulPath::find_in(transaction::Tombstone& tombstone, const sip::Message& request) const {
  const bool is_invite = tombstone.method == sip::Method::Invite;
  if (is_invite && request.method == sip::Method::Cancel) return decided(Verdict::reply(200));
  if (is_invite && request.method == sip::Method::Ack) {
    if (tombstone.code < 300) return {};
    tombstone.is_noted = 1;
    return absorbed(AbsorbReason::Ack);
  }
  if (is_invite) {
    const bool is_settled = tombstone.code < 300 || tombstone.is_noted != 0;
    return is_settled ? absorbed(AbsorbReason::Repeat) : replied(tombstone.code);
  }
  using transaction::Ending;
  if (tombstone.ending == Ending::Local) return replied(tombstone.code);
  if (tombstone.ending == Ending::Silent) return absorbed(AbsorbReason::Repeat);
  // Only who gave it can say the answer again.
  Target target{.server = tombstone.server, .to = {}, .attempt = tombstone.attempt};
  if (target.server != balance::kNoServer) {
    if (outlook_.topology().servers()[target.server].is_empty()) {
      return absorbed(AbsorbReason::Repeat);  // it has left meanwhile
    }
    target.to = chooser_.target_of(target.server).to;
  }
  return {.kind = Known::Kind::PassOn, .target = target};
}

Verdict StatefulPath::pass_on(const Request& request, const Known& known) {
  static_cast<void>(transmit(request, {known.target, known.wants_path}));
  return Verdict::forward();
}

Verdict StatefulPath::start(const Request& request, const Goal& goal) {
  ResponseContext* const context = open(request);
  if (context == nullptr) return Verdict::reply(503, {}, kRetryAfter);
  if (!context->held) {
    counters_.unheld.add();
    context->invite.leave_trying_to_server();
  }
  if (send_first(*context, request, goal) == Sent::No) return refuse(*context, request.tick.now);
  schedule(*context);
  return Verdict::forward();
}

ResponseContext* StatefulPath::open(const Request& request) {
  const sip::Message& message = request.message;
  const Instant now = request.tick.now;
  ResponseContext* const context = store_.create(request.branch, message.method);
  if (context == nullptr) {
    events_.post({.at = now, .id = EventId::TransactionsFull, .lane = options_.lane});
    return nullptr;
  }
  context->source = request.source;
  context->reply_port = answer_port(message.via, request.source);
  context->sender_group = request.sender.affinity_group;
  context->from_tag_hash = request.from_tag_hash;
  context->affinity_key = chooser_.call_of(request).key;
  if (context->is_invite()) {
    if (!store_.store_remnant(*context, message)) {
      store_.remove(*context);
      return nullptr;
    }
    context->invite = transaction::InviteServer(hop_of(request.source), now);
    context->ringing_until = now + options_.timers.ringing;
  } else {
    context->other = transaction::NonInviteServer(hop_of(request.source), now);
  }
  static_cast<void>(store_.hold(*context, message.text));
  return context;
}

Sent StatefulPath::send_first(ResponseContext& context, const Request& request, const Goal& goal) {
  context.group = goal.group;
  context.unreachable_code = goal.unreachable_code;
  context.key_hash = goal.key_hash;
  context.has_one_target = goal.is_only_one;
  context.wants_path = goal.wants_path;
  context.is_call = context.is_invite() && !goal.is_only_one;
  budget_of(goal.group, request.tick.now).on_request(request.tick.now);
  const Target first{.server = goal.target.server, .to = goal.target.to};
  if (begin_attempt(context, request, first) == Sent::Yes) return Sent::Yes;
  const auto other = try_failover(context, FailoverReason::Unreachable, request.tick);
  return other == Failover::Done ? Sent::Yes : Sent::No;
}

Verdict StatefulPath::await(const Request& request, NamedBy by) {
  const auto name = read_name(uri_of(request, by));
  SIPLB_ASSERT(name.has_value());
  ResponseContext* const context = open(request);
  if (context == nullptr) return Verdict::reply(503, {}, kRetryAfter);
  if (!context->held) counters_.names_refused[NameRefusal::NoRoom].add();
  if (!context->held || waits_.add(*context, *name, request.tick.now) == NameWaits::Asked::No) {
    store_.remove(*context);
    return Verdict::reply(480);
  }
  context->awaited = by;
  schedule(*context);
  return Verdict::absorb(AbsorbReason::NameAwaited);
}

void StatefulPath::go_on(ResponseContext& context, const Request& request, const Goal& goal) {
  context.awaited = NamedBy::Nothing;
  if (send_first(context, request, goal) == Sent::No) {
    turn_away(context, context.unreachable_code, request.tick);
    return;
  }
  counters_.originated[OriginatedKind::Named].add();
  schedule(context);
}

void StatefulPath::turn_away(ResponseContext& context, uint16_t code, const Tick& tick) {
  context.awaited = NamedBy::Nothing;
  prefer(context, code, context.current_attempt);
  settle(context, tick);
}

// It has gone nowhere, so nothing needs to be remembered.
Verdict StatefulPath::refuse(ResponseContext& context, Instant now) {
  const Verdict verdict = final_of_ours(context, context.unreachable_code, now);
  end_reservation(context, now);
  for (Attempt& attempt : context.tried()) count_out(attempt);
  store_.remove(context);
  return verdict;
}

Sent StatefulPath::begin_attempt(ResponseContext& context, const Request& request,
                                 const Target& target) {
  const uint8_t index = context.attempt_count++;
  Attempt& attempt = context.attempts[index];
  attempt.server = target.server;
  if (outlook_.is_shut(target.server)) return Sent::No;
  // Before it is sent, so that no server gets a call more than it may have.
  if (context.is_call && !chooser_.try_reserve(call_of(context), target.server, request.tick.now)) {
    return Sent::No;
  }
  Transmission transmission{target, context.wants_path};
  transmission.target.attempt = index;
  const Tokens tokens = make_tokens(request, transmission);
  transmission.target.to =
      size_rule_.flow_for(request, target, outgoing_of(transmission.target, tokens));
  if (send_attempt(context, request, transmission) == Sent::No) {
    if (send_over_datagrams(context, request, transmission) == Sent::No) return Sent::No;
  }
  context.current_attempt = index;
  counters_of(target.server).requests.add();
  if (target.server != balance::kNoServer) {
    attempt.is_inflight = true;
    load_.on_begun(options_.worker, target.server);
  }
  return Sent::Yes;
}

Sent StatefulPath::send_attempt(ResponseContext& context, const Request& request,
                                const Transmission& transmission) {
  const Target& target = transmission.target;
  if (transmit(request, transmission) == Sent::No) return Sent::No;
  Attempt& attempt = context.attempts[target.attempt];
  attempt.to = target.to;
  if (context.is_invite()) {
    attempt.invite = transaction::InviteClient(hop_of(target.to), request.tick.now);
  } else {
    attempt.other = transaction::NonInviteClient(hop_of(target.to), request.tick.now);
  }
  if (!context.held) context.stop_repeating(attempt);
  return Sent::Yes;
}

// Once more to a server that refused the stream which its length asked for (18.1.1).
Sent StatefulPath::send_over_datagrams(ResponseContext& context, const Request& request,
                                       const Transmission& transmission) {
  const Target& refused = transmission.target;
  const auto to = size_rule_.over_datagrams(refused.server, refused.to);
  if (!to) return Sent::No;
  size_rule_.on_refused(refused.server, request.tick.now);
  counters_.tcp_refused.add();
  Transmission again = transmission;
  again.target.to = *to;
  return send_attempt(context, request, again);
}

StatefulPath::Tokens StatefulPath::make_tokens(const Request& request,
                                               const Transmission& transmission) const {
  const Target& target = transmission.target;
  return {.dialog = dialog_token(*outlook_.snapshot, request, target),
          .path = transmission.wants_path ? path_token(*outlook_.snapshot, request, target)
                                          : sip::TokenText()};
}

Sent StatefulPath::transmit(const Request& request, const Transmission& transmission) {
  const Tokens tokens = make_tokens(request, transmission);
  return forwarder_.forward(request, outgoing_of(transmission.target, tokens));
}

transport::Flow StatefulPath::reply_to(const ResponseContext& context) const {
  // The wire counts what can't be sent there any more.
  return answer_flow(wire_, context.source, context.reply_port).value_or(context.source);
}

// The server learns of it once it has answered anything (9.1); until then the INVITE is repeated,
// or the server would never answer.
Verdict StatefulPath::cancel(ResponseContext& context, const Tick& tick) {
  if (!context.is_final_sent && !context.is_cancelled) {
    context.is_cancelled = true;
    if (std::exchange(context.awaited, NamedBy::Nothing) != NamedBy::Nothing) {
      waits_.remove(context);
    }
    for (uint8_t i = 0; i < context.attempt_count; ++i) {
      Attempt& attempt = context.attempts[i];
      attempt.is_cancel_wanted = true;
      if (attempt.invite.state() == transaction::InviteClient::State::Proceeding) {
        send_cancel(context, i, tick);
      }
      withdraw(context, i);
    }
    if (!context.is_any_pending()) prefer(context, 487, context.current_attempt);
    settle(context, tick);
  }
  return Verdict::reply(200);
}

Target StatefulPath::target_of(const ResponseContext& context, uint8_t attempt) {
  const Attempt& chosen = context.attempts[attempt];
  return {.server = chosen.server, .to = chosen.to, .attempt = attempt};
}

ServerCounters& StatefulPath::counters_of(balance::ServerIndex server) {
  return server == balance::kNoServer ? counters_.elsewhere : counters_.servers[server];
}

balance::AnswerTime& StatefulPath::answer_time_of(balance::ServerIndex server) {
  return server == balance::kNoServer ? answer_times_.back() : answer_times_[server];
}

const balance::AnswerTime& StatefulPath::answer_time_of(balance::ServerIndex server) const {
  return server == balance::kNoServer ? answer_times_.back() : answer_times_[server];
}

}  // namespace siplb::proxy
