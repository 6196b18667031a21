#include "load/caller.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/assert.h"
#include "load/server_name.h"

namespace siplb::load {

namespace {

// RFC 3261, 17.1.1.2 and 17.1.2.2: timers B and F.
constexpr int kUnansweredInT1 = 64;

// What comes late does so within 64 × T1, in which few runs place more calls.
constexpr uint32_t kTagsMin = 65536;

Step first_step(Work work) {
  switch (work) {
    case Work::Call: return Step::Invite;
    case Work::Options: return Step::Options;
    case Work::Register: return Step::Register;
  }
  SIPLB_ASSERT(false);
  return Step::Invite;
}

}  // namespace

struct Caller::Call : net::TimerNode {
  uint32_t number = 0;
  State state = State::Free;
  bool is_to_cancel = false;
  bool is_cancelled = false;  // the CANCEL has left
  uint8_t server = 0;         // who answered, as a place in the shares
  uint8_t source = 0;
  uint16_t bye_length = 0;
  SockAddress bye_remote;
  Instant started{};
  Instant cancel_at{};
  Instant give_up{};    // of the transaction under way
  Duration interval{};  // to its next retransmission
};

struct Caller::Answer {
  BranchKey key;
  size_t source;
  const sip::Message& message;
};

Result<std::unique_ptr<Caller>> Caller::create(const CallerOptions& options, transport::Wire& wire,
                                               Instant now) {
  const size_t slots = size_t{options.calls_max} + kReleasesMax;
  auto byes = MemoryRegion::reserve(slots * MessageText::capacity());
  if (!byes) return tl::unexpected<Error>(byes.error());
  return std::unique_ptr<Caller>(new Caller(options, wire, now, std::move(*byes)));
}

Caller::Caller(const CallerOptions& options, transport::Wire& wire, Instant now, MemoryRegion byes)
    : options_(options),
      first_step_(first_step(options.work)),
      wire_(wire),
      text_({options.target, options.sources, options.transport, options.seed}),
      pacer_(options.pace, now),
      dice_(options.seed),
      tags_(std::max(kTagsMin, options.calls_max)),
      byes_(std::move(byes)),
      calls_(std::make_unique<Call[]>(size_t{options.calls_max} + kReleasesMax)),
      timers_(now) {
  SIPLB_ASSERT(!options.sources.empty());
  free_.reserve(options.calls_max);
  for (uint32_t slot = options.calls_max; slot > 0; --slot) free_.push_back(slot - 1);
  free_releases_.reserve(kReleasesMax);
  for (uint32_t i = kReleasesMax; i > 0; --i) free_releases_.push_back(options.calls_max + i - 1);
}

Caller::~Caller() = default;

CallKey Caller::key_of(const Call& call) const {
  return {static_cast<uint32_t>(&call - calls_.get()), call.number};
}

bool Caller::is_release(const Call& call) const {
  return key_of(call).slot >= options_.calls_max;
}

Caller::Call* Caller::find(const CallKey& key) const {
  if (key.slot >= options_.calls_max + kReleasesMax) return nullptr;
  Call& call = calls_[key.slot];
  return call.state != State::Free && call.number == key.number ? &call : nullptr;
}

std::span<char> Caller::bye_octets(const Call& call) const {
  return byes_.octets().subspan(key_of(call).slot * MessageText::capacity(),
                                MessageText::capacity());
}

transport::Flow Caller::flow_to(const SockAddress& remote, const CallKey& key,
                                size_t source) const {
  transport::Flow flow{.remote = remote,
                       .listener = static_cast<transport::ListenerIndex>(source),
                       .transport = options_.transport};
  if (!flow.is_stream()) return flow;
  const bool is_shared = options_.sharing == Sharing::Shared;
  // A later call of a slot has a later connection.
  flow.connection =
      transport::ConnectionId({.is_outbound = true,
                               .slot = is_shared ? key.number % options_.connections : key.slot,
                               .generation = is_shared ? 1 : std::max(key.number + 1, 1U)});
  return flow;
}

transport::Flow Caller::flow_of(const Call& call) const {
  const SockAddress& remote = call.state == State::Closing ? call.bye_remote : options_.target;
  return flow_to(remote, key_of(call), call.source);
}

void Caller::send(const transport::Flow& flow, std::string_view text) {
  if (wire_.send(flow, {&text, 1}) != transport::SendStatus::Queued) ++stats_.refused_sends;
}

// Ticks ----------------------------------------------------------------------------------------

uint32_t Caller::in_flight() const {
  return static_cast<uint32_t>(options_.calls_max - free_.size());
}

void Caller::on_tick(Instant now) {
  timers_.advance(now, [&](net::TimerNode& node) { on_due(static_cast<Call&>(node), now); });
  for (uint32_t wanted = pacer_.take(now, in_flight()); wanted > 0; --wanted) start_call(now);
}

std::optional<Instant> Caller::next_deadline(Instant now) {
  const std::optional<Instant> timer = timers_.next_deadline();
  const std::optional<Instant> start = pacer_.next(now, in_flight());
  if (timer && start) return std::min(*timer, *start);
  return timer ? timer : start;
}

bool Caller::is_done(Instant now) const {
  return pacer_.is_over(now) && in_flight() == 0 && free_releases_.size() == kReleasesMax;
}

void Caller::start_call(Instant now) {
  const uint32_t number = next_number_++;
  if (free_.empty()) {
    ++stats_.not_started;
    return;
  }
  Call& call = calls_[free_.back()];
  free_.pop_back();
  ++stats_.started;
  call.number = number;
  call.source = static_cast<uint8_t>(number % options_.sources.size());
  call.server = 0;
  call.started = now;
  call.state = State::Trying;
  call.is_to_cancel = dice_.hits(options_.cancel_share);
  call.is_cancelled = false;
  call.cancel_at = Instant::max();
  tags_.start(number);
  begin_transaction(call, now);
  send(flow_of(call), text_.write_first({key_of(call), first_step_}, call.source));
}

void Caller::end_call(Call& call) {
  timers_.cancel(call);
  call.state = State::Free;
  (is_release(call) ? free_releases_ : free_).push_back(key_of(call).slot);
}

void Caller::begin_transaction(Call& call, Instant now) {
  call.interval = options_.t1;
  call.give_up = now + kUnansweredInT1 * options_.t1;
  const bool is_repeated = options_.transport == sip::Transport::Udp;
  timers_.schedule(call, is_repeated ? now + call.interval : call.give_up);
}

void Caller::on_due(Call& call, Instant now) {
  if (call.state == State::Talking) {
    send_bye(call, now);
  } else if (now >= call.give_up) {
    give_up(call);
  } else if (call.state == State::Proceeding && now >= call.cancel_at) {
    send_cancel(call, now);
  } else {
    retransmit(call, now);
  }
}

void Caller::give_up(Call& call) {
  ++(is_release(call) ? stats_.unreleased : stats_.timeouts);
  end_call(call);
}

void Caller::retransmit(Call& call, Instant now) {
  ++stats_.retransmissions;
  if (call.state == State::Closing) {
    send(flow_of(call), {bye_octets(call).data(), call.bye_length});
  } else {
    const Step step = call.state == State::Cancelling ? Step::Cancel : first_step_;
    send(flow_of(call), text_.write_first({key_of(call), step}, call.source));
  }
  // Timer A has no ceiling, timer E has T2 (17.1.1.2, 17.1.2.2).
  const bool is_invite = call.state == State::Trying && first_step_ == Step::Invite;
  call.interval *= 2;
  if (!is_invite) call.interval = std::min(call.interval, options_.t2);
  timers_.schedule(call, std::min(now + call.interval, call.give_up));
}

void Caller::send_cancel(Call& call, Instant now) {
  call.state = State::Cancelling;
  call.is_cancelled = true;
  begin_transaction(call, now);
  send(flow_of(call), text_.write_first({key_of(call), Step::Cancel}, call.source));
}

void Caller::send_bye(Call& call, Instant now) {
  call.state = State::Closing;
  begin_transaction(call, now);
  send(flow_of(call), {bye_octets(call).data(), call.bye_length});
}

// RFC 3261, 17.1.4: as if each of them had been answered 503.
void Caller::on_disconnected(const transport::Flow& connection, uint64_t /*lanes*/) {
  for (uint32_t slot = 0; slot < options_.calls_max + kReleasesMax; ++slot) {
    Call& call = calls_[slot];
    if (call.state == State::Free || call.state == State::Talking) continue;
    if (flow_of(call) != connection) continue;
    ++(is_release(call) ? stats_.unreleased : stats_.disconnected);
    end_call(call);
  }
}

// Answers --------------------------------------------------------------------------------------

void Caller::on_batch(std::span<transport::Inbound> batch, Instant now) {
  for (const transport::Inbound& inbound : batch) {
    const std::string_view octets(inbound.octets.data(), inbound.octets.size());
    const size_t source = inbound.flow.listener;
    std::optional<BranchKey> key;
    if (sip::scan(octets, {}, message_) == sip::ScanStatus::Ok && !message_.is_request) {
      key = read_branch(message_.via.branch, options_.seed);
    }
    if (!key || source >= options_.sources.size()) {
      ++stats_.strays;
      continue;
    }
    const bool is_cancel = message_.method == sip::Method::Cancel;
    if (is_cancel && key->step == Step::Invite) key->step = Step::Cancel;
    on_answer({*key, source, message_}, now);
  }
}

void Caller::on_answer(const Answer& answer, Instant now) {
  const uint16_t status = answer.message.status;
  const Step step = answer.key.step;
  Call* call = find(answer.key.call);
  if (call != nullptr && step == first_step_ && call->state <= State::Cancelled) {
    if (status >= 200 && step == Step::Invite) acknowledge(answer);
    if (status < 200) {
      on_provisional(*call, now);
    } else if (status < 300) {
      on_success(*call, answer, now);
    } else {
      on_failure(*call, status);
    }
  } else if (step == Step::Invite) {
    if (status >= 200) on_late_answer(answer, now);
  } else if (call != nullptr && step == Step::Cancel && call->is_cancelled) {
    if (status >= 200) on_cancel_answer(*call, status);
  } else if (call != nullptr && step == Step::Bye && call->state == State::Closing) {
    if (status >= 200) on_bye_answer(*call, answer);
  } else {
    ++stats_.strays;
  }
}

void Caller::on_provisional(Call& call, Instant now) {
  if (call.is_cancelled) return;  // Its time is running out already (9.1).
  if (first_step_ != Step::Invite) {
    // Sent again all the same, every T2 (17.1.2.2).
    call.state = State::Proceeding;
    call.interval = options_.t2;
    return;
  }
  if (call.state == State::Trying && call.is_to_cancel)
    call.cancel_at = now + options_.cancel_after;
  call.state = State::Proceeding;
  call.give_up = now + kUnansweredInT1 * options_.t1;
  if (now >= call.cancel_at) {
    send_cancel(call, now);
  } else {
    timers_.schedule(call, std::min(call.cancel_at, call.give_up));
  }
}

void Caller::on_success(Call& call, const Answer& answer, Instant now) {
  stats_.setup.record(now - call.started);
  stats_.setup_recent.record(now - call.started);
  call.server = stats_.servers.place_of(server_name(answer.message));
  stats_.servers.count(call.server);
  if (first_step_ != Step::Invite) {
    ++stats_.succeeded;
    end_call(call);
    return;
  }
  tags_.take(call.number, answer.message.to_tag);
  if (!try_keep_bye(call, answer)) {
    ++stats_.oversized;
    end_call(call);
  } else if (options_.hold > Duration::zero() && !call.is_cancelled) {
    call.state = State::Talking;
    timers_.schedule(call, now + options_.hold);
  } else {
    send_bye(call, now);
  }
}

void Caller::on_failure(Call& call, uint16_t status) {
  if (call.is_cancelled && status == 487) {
    ++stats_.cancelled;
    ++stats_.succeeded;
  } else {
    stats_.count_failure(status);
  }
  end_call(call);
}

void Caller::on_cancel_answer(Call& call, uint16_t status) {
  if (status >= 300) ++stats_.refused_cancels;
  if (call.state != State::Cancelling) return;
  call.state = State::Cancelled;
  timers_.schedule(call, call.give_up);
}

void Caller::on_bye_answer(Call& call, const Answer& answer) {
  if (!is_release(call)) {
    const uint8_t server = stats_.servers.place_of(server_name(answer.message));
    if (server != 0 && server != call.server) ++stats_.misroutes;
    if (answer.message.status < 300) {
      ++stats_.succeeded;
      if (call.is_cancelled) ++stats_.cancelled_too_late;
    } else {
      stats_.count_failure(answer.message.status);
    }
  }
  end_call(call);
}

// The final answer to an INVITE whose call has had one, or is over. Whoever sends it goes on until
// it sees an ACK, whatever has become of the call.
void Caller::on_late_answer(const Answer& answer, Instant now) {
  const DialogStanding standing = tags_.standing(answer.key.call.number, answer.message.to_tag);
  const bool is_unwanted =
      standing == DialogStanding::Duplicate || standing == DialogStanding::Late;
  if (answer.message.status >= 300 || !is_unwanted) {
    acknowledge(answer);
    ++stats_.repeated_answers;
  } else if (try_release(answer, now)) {
    ++(standing == DialogStanding::Late ? stats_.late_2xx : stats_.duplicate_2xx);
  }
}

bool Caller::try_release(const Answer& answer, Instant now) {
  // Without an ACK the answer comes again, and finds a slot then.
  if (free_releases_.empty()) return false;
  Call& call = calls_[free_releases_.back()];
  call.number = answer.key.call.number;
  call.source = static_cast<uint8_t>(answer.source);
  call.is_cancelled = false;
  if (!try_keep_bye(call, answer)) return false;
  free_releases_.pop_back();
  tags_.release(call.number, answer.message.to_tag);
  acknowledge(answer);
  send_bye(call, now);
  return true;
}

// The BYE is written now, from the answer, which is gone when the BYE is due.
bool Caller::try_keep_bye(Call& call, const Answer& answer) {
  const BranchKey key{key_of(call), Step::Bye};
  const auto bye = text_.write_in_dialog(key, call.source, answer.message);
  if (!bye) return false;
  std::memcpy(bye_octets(call).data(), bye->data(), bye->size());
  call.bye_length = static_cast<uint16_t>(bye->size());
  call.bye_remote = remote_of_dialog(answer.message);
  return true;
}

SockAddress Caller::remote_of_dialog(const sip::Message& answer) const {
  if (options_.in_dialog == NextHop::Target) return options_.target;
  return RequestText::next_hop(answer).value_or(options_.target);
}

void Caller::acknowledge(const Answer& answer) {
  const bool is_success = answer.message.status < 300;
  // Nothing answers an ACK, so its branch need not name a slot: it names the dialog, and each
  // dialog's ACK is a transaction of its own.
  const uint32_t number = answer.key.call.number;
  const BranchKey key{{DialogTags::hash(answer.message.to_tag), number}, Step::Ack};
  const auto ack = is_success
                       ? text_.write_in_dialog(key, answer.source, answer.message)
                       : text_.write_failure_ack(answer.key.call, answer.source, answer.message);
  if (!ack) return;
  const SockAddress remote = is_success ? remote_of_dialog(answer.message) : options_.target;
  send(flow_to(remote, answer.key.call, answer.source), *ack);
}

}  // namespace siplb::load
