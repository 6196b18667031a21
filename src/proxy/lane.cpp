#include "proxy/lane.h"

#include <algorithm>
#include <array>

#include "proxy/checks.h"
#include "proxy/witness.h"
#include "transport/stun.h"

namespace siplb::proxy {
namespace {

// A slice of the call table each second, so that each entry is looked at once a minute. A lane
// without calls sleeps.
constexpr Duration kSweepPause = std::chrono::seconds(1);
constexpr size_t kSweepsPerRound = 60;

// What octets look like at first sight: enough to count them, before they are scanned.
MessageKind kind_of(std::span<const char> octets) {
  const std::string_view text(octets.data(), octets.size());
  if (text.starts_with("SIP/")) return MessageKind::Response;
  const bool is_word = !text.empty() && text.front() >= 'A' && text.front() <= 'Z';
  return is_word ? MessageKind::Request : MessageKind::Other;
}

// An error answer to a datagram goes to an address that may be forged, and must not be worth
// forging: at most half as much again as what was received.
size_t answer_octets_max(const transport::Inbound& inbound, const Verdict& verdict) {
  const bool is_harmless = verdict.code < 300 || inbound.flow.is_stream();
  return is_harmless ? kReplyOctetsMax : inbound.octets.size() * 3 / 2;
}

std::string_view text_of(const transport::Inbound& inbound) {
  return {inbound.octets.data(), inbound.octets.size()};
}

std::string_view first_line(std::string_view text) {
  return text.substr(0, text.find_first_of("\r\n"));
}

// Nothing is answered later than that (SIP.md 5).
Duration answer_time_max(const LaneOptions& options) {
  return options.timers.ringing + options.timers.invite;
}

}  // namespace

Lane::Lane(const LaneOptions& options, const Outlook& outlook, const Parts& parts)
    : index_(options.index),
      outlook_(outlook),
      counters_(parts.counters),
      events_(parts.events),
      intake_(outlook),
      affinity_(parts.memory.calls, parts.memory.others, options.affinity, counters_.affinity,
                &parts.calls),
      moved_(parts.memory.moved, outlook.snapshot->seal.instance(), counters_.moved_evicted),
      chooser_(options.turns_seed, outlook, {affinity_, parts.load, parts.calls}),
      forwarder_(options.index, outlook, parts.wire),
      size_rule_(outlook, forwarder_),
      local_reply_(outlook, parts.wire),
      name_waits_(parts.names, counters_),
      stateful_({.timers = options.timers,
                 .lane = options.index,
                 .lane_count = options.lane_count,
                 .worker = options.worker},
                outlook,
                {.store = parts.memory.contexts,
                 .chooser = chooser_,
                 .wire = parts.wire,
                 .forwarder = forwarder_,
                 .size_rule = size_rule_,
                 .local_reply = local_reply_,
                 .waits = name_waits_,
                 .counters = counters_,
                 .events = parts.events,
                 .load = parts.load,
                 .health = parts.health}),
      request_path_(outlook, {.chooser = chooser_,
                              .moved = moved_,
                              .wire = parts.wire,
                              .forwarder = forwarder_,
                              .size_rule = size_rule_,
                              .stateful = stateful_,
                              .waits = name_waits_,
                              .counters = counters_}),
      response_path_({.seal_life = answer_time_max(options),
                      .foreign_until = options.started_at + answer_time_max(options),
                      .worker = options.worker},
                     outlook,
                     {.chooser = chooser_,
                      .wire = parts.wire,
                      .forwarder = forwarder_,
                      .stateful = stateful_,
                      .counters = counters_,
                      .load = parts.load,
                      .health = parts.health}),
      sweep_entries_(parts.memory.calls.size() / kSweepsPerRound + 1),
      swept_at_(options.started_at) {
  if (options.has_old_tables) affinity_.adopt(outlook.topology(), options.started_at);
}

std::optional<Instant> Lane::next_deadline() {
  std::optional<Instant> next = stateful_.next_deadline();
  if (affinity_.has_counted_calls()) {
    next = std::min(next.value_or(Instant::max()), swept_at_ + kSweepPause);
  }
  return next;
}

void Lane::run_timers(const Tick& tick) {
  stateful_.run_timers(tick);
  if (tick.now >= swept_at_ + kSweepPause) sweep(tick.now);
}

// Calls that nobody ends, as where a BYE was lost, give their slots back when their time is over.
void Lane::sweep(Instant now) {
  affinity_.sweep(sweep_entries_, now);
  swept_at_ = now;
}

void Lane::receive(const transport::Inbound& inbound, sip::Message& message, const Tick& tick) {
  count_received(inbound);
  decide(inbound, message, tick);
}

void Lane::take_over(const transport::Inbound& inbound, sip::Message& message, const Tick& tick) {
  counters_.handed_in.add();
  decide(inbound, message, tick);
}

void Lane::hand_out(const transport::Inbound& inbound) {
  count_received(inbound);
  counters_.handed_out[kind_of(inbound.octets)].add();
}

void Lane::drop_for_full_mailbox(const transport::Inbound& inbound, sip::Message& message,
                                 const Tick& tick) {
  count_received(inbound);
  if (outlook_.witness != nullptr) outlook_.witness->on_received(index_, inbound);
  Verdict verdict = Verdict::drop(DropReason::MailboxFull);
  if (inbound.flow.is_stream()) {
    const sip::ScanStatus status =
        sip::scan(text_of(inbound), outlook_.snapshot->scan_limits, message);
    if (status == sip::ScanStatus::Ok && sip::answerable(message)) {
      verdict = Verdict::reply(503, {}, StatefulPath::kRetryAfter);
    }
  }
  conclude(inbound, message, verdict, tick);
}

void Lane::count_received(const transport::Inbound& inbound) {
  const auto transport = static_cast<size_t>(inbound.flow.transport);
  counters_.received[transport][kind_of(inbound.octets)].add();
}

void Lane::decide(const transport::Inbound& inbound, sip::Message& message, const Tick& tick) {
  if (outlook_.witness != nullptr) outlook_.witness->on_received(index_, inbound);
  conclude(inbound, message, judge(inbound, message, tick), tick);
}

Verdict Lane::answer_stun(const transport::Inbound& inbound) {
  std::array<char, transport::kStunResponseOctetsMax> area;
  const std::string_view answer =
      transport::write_stun_response(text_of(inbound), inbound.flow.remote, area);
  if (answer.empty()) return Verdict::drop(DropReason::Malformed);
  forwarder_.send(inbound.flow, answer);
  return Verdict::absorb(AbsorbReason::Stun);
}

Verdict Lane::judge(const transport::Inbound& inbound, sip::Message& message, const Tick& tick) {
  if (inbound.octets.size() > outlook_.snapshot->message_octets_max) {
    return Verdict::drop(DropReason::Oversize);
  }
  if (outlook_.snapshot->sides[inbound.flow.listener].answers_stun && !inbound.flow.is_stream() &&
      transport::is_stun_request(text_of(inbound))) {
    return answer_stun(inbound);
  }
  sip::ScanStatus status = sip::scan(text_of(inbound), outlook_.snapshot->scan_limits, message);
  if (inbound.frame_fault != sip::FrameFault::None) {
    return judge_fault(inbound.frame_fault, message);
  }
  if (status == sip::ScanStatus::Ok) {
    status = intake_.put_right(inbound.octets, inbound.flow, tick, message);
  }
  if (status != sip::ScanStatus::Ok) {
    counters_.scan_faults[status].add();
    return judge_fault(status, message);
  }
  return message.is_request ? request_path_.decide(message, inbound.flow, tick)
                            : response_path_.decide(message, inbound.flow, tick);
}

void Lane::conclude(const transport::Inbound& inbound, const sip::Message& message, Verdict verdict,
                    const Tick& tick) {
  if (verdict.kind == Verdict::Kind::Reply) {
    if (message.method == sip::Method::Ack) {  // never answered (RFC 3261, 17.2.1)
      verdict = Verdict::drop(DropReason::AckRefused);
    } else if (!local_reply_.send(message, inbound.flow, verdict,
                                  answer_octets_max(inbound, verdict))) {
      verdict = Verdict::drop(sip::answerable(message) ? DropReason::AnswerTooLong
                                                       : DropReason::Malformed);
    }
  }
  switch (verdict.kind) {
    case Verdict::Kind::Forward: counters_.forwarded.add(); break;
    case Verdict::Kind::Reply: counters_.answered[answer_code_slot(verdict.code)].add(); break;
    case Verdict::Kind::Absorb: counters_.absorbed[verdict.absorb_reason].add(); break;
    case Verdict::Kind::Drop:
      counters_.dropped[verdict.drop_reason].add();
      events_.post({.at = tick.now,
                    .id = EventId::MessageDropped,
                    .lane = index_,
                    .args = {static_cast<int64_t>(verdict.drop_reason)},
                    .remote = inbound.flow.remote},
                   first_line(text_of(inbound)));
      break;
  }
  if (outlook_.witness != nullptr) outlook_.witness->on_verdict(verdict);
}

}  // namespace siplb::proxy
