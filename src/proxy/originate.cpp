// What we send of our own accord: 100, ACK to a non-2xx, CANCEL, final answers, repeats, and the
// ACK and BYE that end a call which was answered too late.
#include "base/assert.h"
#include "base/fixed_string.h"
#include "proxy/stateful_path.h"
#include "sip/hop_request.h"

namespace siplb::proxy {
namespace {

using ViaText = FixedString<384>;

ViaText via_text(const Snapshot& snapshot, const transport::Flow& to, std::string_view branch) {
  ViaText via;
  via.append("SIP/2.0/");
  via.append(sip::transport_name(to.transport));
  via.append(" ");
  via.append(snapshot.sides.sent_by(to));
  via.append(";branch=");
  via.append(branch);
  return via;
}

// Our own entry among the Record-Routes of a response; null where it has none.
const char* own_record_route(const sip::Message& response, const Sides& sides,
                             const SockAddress& local) {
  for (const sip::Header& header : response.headers()) {
    if (header.id != sip::HeaderId::RecordRoute) continue;
    sip::ValueReader values(header.value);
    std::string_view value;
    while (values.next(value)) {
      sip::NameAddr entry;
      sip::Uri uri;
      if (sip::parse_name_addr(value, entry) && sip::parse_uri(entry.uri, uri) &&
          sides.is_ours(uri, local)) {
        return value.data();
      }
    }
  }
  return nullptr;
}

}  // namespace

const sip::Message& StatefulPath::read(std::string_view octets) {
  const sip::ScanStatus status = sip::scan(octets, outlook_.snapshot->scan_limits, stored_);
  SIPLB_ASSERT(status == sip::ScanStatus::Ok);  // it was when it was stored
  return stored_;
}

Request StatefulPath::read_held(const ResponseContext& context, const Tick& tick) {
  return read_request(*outlook_.snapshot,
                      {read(store_.held(context)), context.source, tick, context.branch}, unused_);
}

// An INVITE's remnant, any other request itself; null where that was not held.
const sip::Message* StatefulPath::read_request_of(const ResponseContext& context) {
  const std::string_view octets =
      context.is_invite() ? store_.remnant(context) : store_.held(context);
  return octets.empty() ? nullptr : &read(octets);
}

void StatefulPath::send_trying(ResponseContext& context) {
  const sip::Message* const request = read_request_of(context);
  if (request == nullptr) return;
  if (local_reply_.send(*request, context.source, Verdict::reply(100))) {
    context.is_trying_sent = true;
    counters_.originated[OriginatedKind::Trying].add();
  }
}

// Only where every server of the group is out of reach or full does the caller hear so (16.7).
Verdict StatefulPath::final_of_ours(const ResponseContext& context, uint16_t code,
                                    Instant now) const {
  if (code != 503) return Verdict::reply(code);
  return is_anyone_left(context, now) ? Verdict::reply(500) : Verdict::reply(503, {}, kRetryAfter);
}

bool StatefulPath::send_final(ResponseContext& context, Instant now) {
  const sip::Message* const request = read_request_of(context);
  if (request == nullptr) return false;
  const Verdict verdict = final_of_ours(context, context.best_code, now);
  context.best_code = verdict.code;
  if (!local_reply_.send(*request, context.source, verdict)) return false;
  context.is_best_local = true;
  const std::string_view text = local_reply_.text();
  // Without a copy it is made again from its code.
  if (context.is_invite()) static_cast<void>(store_.keep(context, {&text, 1}));
  return true;
}

void StatefulPath::repeat(ResponseContext& context, uint8_t attempt, const Tick& tick) {
  counters_.retransmissions[RepeatDirection::Server].add();
  if (context.has_no_client) {
    forwarder_.send(context.attempts[attempt].to, store_.held(context));
  } else {
    const Request request = read_held(context, tick);
    static_cast<void>(transmit(request, {target_of(context, attempt), context.wants_path}));
  }
}

Sent StatefulPath::send_hop_request(ResponseContext& context, uint8_t attempt,
                                    const HopRequest& wanted) {
  const sip::Message& invite = read(store_.remnant(context));
  const Attempt& goal = context.attempts[attempt];
  const RouteSet routes =
      read_request(*outlook_.snapshot, {invite, context.source, wanted.tick, context.branch},
                   unused_)
          .routes;
  const size_t length = sip::build_hop_request(
      invite,
      {.method = wanted.method,
       .via = via_text(*outlook_.snapshot, goal.to, sip::branch_text(context.branch, attempt)),
       .popped = routes.popped,
       .strict_router = routes.is_next_strict ? routes.next.text : std::string_view(),
       .to = wanted.to},
      buffer_);
  if (length == 0) return Sent::No;  // headers that fill the whole buffer: nobody means them well
  forwarder_.send(goal.to, {buffer_.data(), length});
  return Sent::Yes;
}

void StatefulPath::send_ack(ResponseContext& context, const Answer& answer) {
  const std::string_view to = answer.message.find(sip::HeaderId::To)->value;
  if (send_hop_request(context, answer.attempt, {sip::Method::Ack, to, answer.tick}) == Sent::Yes) {
    counters_.originated[OriginatedKind::Ack].add();
  }
}

void StatefulPath::send_cancel(ResponseContext& context, uint8_t attempt, const Tick& tick) {
  Attempt& goal = context.attempts[attempt];
  if (goal.is_cancel_sent) return;
  goal.is_cancel_sent = true;
  goal.other = transaction::NonInviteClient(hop_of(goal.to), tick.now);
  if (send_hop_request(context, attempt, {sip::Method::Cancel, {}, tick}) == Sent::Yes) {
    counters_.originated[OriginatedKind::Cancel].add();
  }
}

// Its outcome is no longer wanted. What has not answered yet must not be cancelled before it does
// (9.1), but it is not asked again either.
void StatefulPath::stop(ResponseContext& context, uint8_t attempt, const Tick& tick) {
  Attempt& unwanted = context.attempts[attempt];
  if (!context.is_pending(unwanted)) return;
  unwanted.is_cancel_wanted = true;
  context.stop_repeating(unwanted);
  withdraw(context, attempt);
  const bool has_answered = context.is_pending(unwanted) && !context.is_waiting(unwanted);
  if (context.is_invite() && has_answered) send_cancel(context, attempt, tick);
}

bool StatefulPath::take_back(const ResponseContext& context, uint8_t attempt) {
  const Attempt& unwanted = context.attempts[attempt];
  return unwanted.to.is_stream() && context.is_waiting(unwanted) &&
         wire_.withdraw(unwanted.to, sip::branch_text(context.branch, attempt));
}

// Nothing is waited for of what has never left.
void StatefulPath::withdraw(ResponseContext& context, uint8_t attempt) {
  if (take_back(context, attempt)) context.end(context.attempts[attempt]);
}

// What is over is remembered without its address. Only to a server is anything sent then: a client
// may have taken somebody else's address.
std::optional<Target> StatefulPath::callee_by_source(const Answer& answer) const {
  const auto server = outlook_.topology().find_by_place(answer.source.remote);
  if (server == balance::kNoServer) return std::nullopt;
  return Target{.server = server, .to = answer.source};
}

// The repeat of a non-2xx whose transaction is over: our ACK got lost. A server finds the
// transaction by the Via, whatever the Request-URI says.
void StatefulPath::ack_again(const Answer& answer, const Target& callee) {
  FixedString<80> uri;
  uri.append("sip:");
  uri.append(callee.to.remote.text());
  const size_t length = sip::build_ack_from_response(answer.message, uri, buffer_);
  if (length == 0) return;
  counters_.originated[OriginatedKind::Ack].add();
  forwarder_.send(callee.to, {buffer_.data(), length});
}

// The branch of what we send to end the call that `answer` began: an ACK or a BYE has a transaction
// of its own, and each attempt, and each phone that a server forks to, may need one.
sip::BranchHash StatefulPath::ending_branch(const Answer& answer, sip::Method method) const {
  const uint32_t to_tag_hash = outlook_.snapshot->seal.tag_hash(answer.message.to_tag);
  sip::BranchHash hash = answer.branch;
  hash.octets[0] ^= static_cast<uint8_t>(0x40 | answer.attempt);
  if (method == sip::Method::Bye) hash.octets[1] ^= 0xff;
  for (size_t i = 0; i < 3; ++i) hash.octets[2 + i] ^= static_cast<uint8_t>(to_tag_hash >> 8 * i);
  return hash;
}

// True where this call has been ended by us already: it can't be handed to the caller any more.
bool StatefulPath::is_released(const Answer& answer) {
  const ContextStore::Found known =
      store_.find(ending_branch(answer, sip::Method::Bye), sip::Method::Bye, answer.tick.now);
  return known.context != nullptr || known.tombstone != nullptr;
}

// A call that was answered when nobody waited for it any more: acknowledged, or the server would
// repeat its answer, and ended at once.
Verdict StatefulPath::release(const Answer& answer, const Target& callee) {
  if (send_in_dialog(answer, callee, sip::Method::Ack) > 0) {
    counters_.originated[OriginatedKind::Ack].add();
  }
  if (is_released(answer)) return Verdict::absorb(AbsorbReason::Released);
  counters_.duplicate_answers.add();
  const size_t length = send_in_dialog(answer, callee, sip::Method::Bye);
  if (length == 0) return Verdict::absorb(AbsorbReason::Released);
  counters_.originated[OriginatedKind::Bye].add();
  watch_bye(callee, ending_branch(answer, sip::Method::Bye), {buffer_.data(), length},
            answer.tick.now);
  return Verdict::absorb(AbsorbReason::Released);
}

// Repeats a BYE of ours until it is answered. Without room it was sent once, then.
void StatefulPath::watch_bye(const Target& callee, const sip::BranchHash& branch,
                             std::string_view text, Instant now) {
  ResponseContext* const context = store_.create(branch, sip::Method::Bye);
  if (context == nullptr) return;
  context->has_no_client = true;
  context->attempt_count = 1;
  Attempt& attempt = context->current();
  attempt.to = callee.to;
  attempt.server = callee.server;
  attempt.other = transaction::NonInviteClient(hop_of(callee.to), now);
  if (!store_.hold(*context, text)) attempt.other.stop_repeating();
  schedule(*context);
}

size_t StatefulPath::send_in_dialog(const Answer& answer, const Target& callee,
                                    sip::Method method) {
  const size_t length = sip::build_dialog_request(
      answer.message,
      {.method = method,
       .via = via_text(*outlook_.snapshot, callee.to,
                       sip::branch_text(ending_branch(answer, method), 0)),
       .own_record_route =
           own_record_route(answer.message, outlook_.snapshot->sides, answer.source.local)},
      buffer_);
  if (length > 0) forwarder_.send(callee.to, {buffer_.data(), length});
  return length;
}

}  // namespace siplb::proxy
