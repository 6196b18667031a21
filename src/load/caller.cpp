#include "load/caller.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/assert.h"
#include "load/server_name.h"

namespace siplb::load {

namespace {

// RFC 3261, 17.1.1.2 and 17.1.2.2: timers B and F.
constexpr int kTimeoutInT1 = 64;

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
  uint8_t server = 0;  // who answered, as a place in the shares
  uint8_t source = 0;
  uint16_t bye_length = 0;
  SockAddress bye_remote;
  Instant started{};
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
  auto byes = MemoryRegion::reserve(size_t{options.calls_max} * MessageText::capacity());
  if (!byes) return tl::unexpected<Error>(byes.error());
  return std::unique_ptr<Caller>(new Caller(options, wire, now, std::move(*byes)));
}

Caller::Caller(const CallerOptions& options, transport::Wire& wire, Instant now, MemoryRegion byes)
    : options_(options),
      first_step_(first_step(options.work)),
      wire_(wire),
      text_({options.target, options.sources, options.seed}),
      pacer_(options.pace, now),
      byes_(std::move(byes)),
      calls_(std::make_unique<Call[]>(options.calls_max)),
      timers_(now) {
  SIPLB_ASSERT(!options.sources.empty());
  free_.reserve(options.calls_max);
  for (uint32_t slot = options.calls_max; slot > 0; --slot) free_.push_back(slot - 1);
}

Caller::~Caller() = default;

CallKey Caller::key_of(const Call& call) const {
  return {static_cast<uint32_t>(&call - calls_.get()), call.number};
}

std::span<char> Caller::bye_octets(const Call& call) const {
  return byes_.octets().subspan(key_of(call).slot * MessageText::capacity(),
                                MessageText::capacity());
}

void Caller::send(size_t source, const SockAddress& remote, std::string_view text) {
  const transport::Flow flow{remote, static_cast<transport::ListenerIndex>(source)};
  if (wire_.send(flow, {&text, 1}) != transport::SendStatus::Queued) ++stats_.refused_sends;
}

// Ticks ----------------------------------------------------------------------------------------

void Caller::on_tick(Instant now) {
  timers_.advance(now, [&](net::TimerNode& node) { on_due(static_cast<Call&>(node), now); });
  const auto in_flight = static_cast<uint32_t>(options_.calls_max - free_.size());
  for (uint32_t wanted = pacer_.take(now, in_flight); wanted > 0; --wanted) start_call(now);
}

std::optional<Instant> Caller::next_deadline(Instant now) {
  const auto in_flight = static_cast<uint32_t>(options_.calls_max - free_.size());
  const std::optional<Instant> timer = timers_.next_deadline();
  const std::optional<Instant> start = pacer_.next(now, in_flight);
  if (timer && start) return std::min(*timer, *start);
  return timer ? timer : start;
}

bool Caller::is_done(Instant now) const {
  return pacer_.is_over(now) && free_.size() == options_.calls_max;
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
  begin_transaction(call, now);
  send(call.source, options_.target, text_.write_first({key_of(call), first_step_}, call.source));
}

void Caller::end_call(Call& call) {
  timers_.cancel(call);
  call.state = State::Free;
  free_.push_back(key_of(call).slot);
}

void Caller::begin_transaction(Call& call, Instant now) {
  call.interval = options_.t1;
  call.give_up = now + kTimeoutInT1 * options_.t1;
  timers_.schedule(call, now + call.interval);
}

void Caller::on_due(Call& call, Instant now) {
  if (call.state == State::Talking) {
    send_bye(call, now);
  } else if (now >= call.give_up) {
    ++stats_.timeouts;
    end_call(call);
  } else {
    retransmit(call, now);
  }
}

void Caller::retransmit(Call& call, Instant now) {
  ++stats_.retransmissions;
  if (call.state == State::Closing) {
    send(call.source, call.bye_remote, {bye_octets(call).data(), call.bye_length});
  } else {
    send(call.source, options_.target, text_.write_first({key_of(call), first_step_}, call.source));
  }
  // Timer A has no ceiling, timer E has T2 (17.1.1.2, 17.1.2.2).
  const bool is_invite = call.state == State::Trying && first_step_ == Step::Invite;
  call.interval *= 2;
  if (!is_invite) call.interval = std::min(call.interval, options_.t2);
  timers_.schedule(call, std::min(now + call.interval, call.give_up));
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
    if (key && source < options_.sources.size()) {
      on_answer({*key, source, message_}, now);
    } else {
      ++stats_.strays;
    }
  }
}

void Caller::on_answer(const Answer& answer, Instant now) {
  const bool is_final = answer.message.status >= 200;
  const bool is_invite = answer.key.step == Step::Invite;
  if (is_final && is_invite) acknowledge(answer);

  const uint32_t slot = answer.key.call.slot;
  Call* call = slot < options_.calls_max ? &calls_[slot] : nullptr;
  const bool is_alive =
      call != nullptr && call->state != State::Free && call->number == answer.key.call.number;
  const bool is_setting_up =
      is_alive && (call->state == State::Trying || call->state == State::Proceeding);
  if (is_setting_up && answer.key.step == first_step_) {
    on_first_answer(*call, answer, now);
  } else if (is_alive && call->state == State::Closing && answer.key.step == Step::Bye) {
    if (is_final) on_bye_answer(*call, answer);
  } else if (is_invite) {
    if (is_final) ++stats_.repeated_answers;
  } else {
    ++stats_.strays;
  }
}

void Caller::on_first_answer(Call& call, const Answer& answer, Instant now) {
  const uint16_t status = answer.message.status;
  if (status < 200) {
    // An INVITE that rings is not sent again; another request is, every T2 (17.1.2.2).
    call.state = State::Proceeding;
    call.interval = options_.t2;
    if (first_step_ == Step::Invite) {
      call.give_up = now + kTimeoutInT1 * options_.t1;
      timers_.schedule(call, call.give_up);
    }
  } else if (status < 300) {
    stats_.setup.record(now - call.started);
    stats_.setup_recent.record(now - call.started);
    call.server = stats_.servers.place_of(server_name(answer.message));
    stats_.servers.count(call.server);
    if (first_step_ == Step::Invite) {
      on_established(call, answer, now);
    } else {
      ++stats_.succeeded;
      end_call(call);
    }
  } else {
    stats_.count_failure(status);
    end_call(call);
  }
}

// The BYE is written now, from the answer, which is gone when the BYE is due.
void Caller::on_established(Call& call, const Answer& answer, Instant now) {
  const BranchKey key{answer.key.call, Step::Bye};
  const auto bye = text_.write_in_dialog(key, call.source, answer.message);
  if (!bye) {
    ++stats_.oversized;
    end_call(call);
    return;
  }
  std::memcpy(bye_octets(call).data(), bye->data(), bye->size());
  call.bye_length = static_cast<uint16_t>(bye->size());
  call.bye_remote = remote_of_dialog(answer.message);
  if (options_.hold > Duration::zero()) {
    call.state = State::Talking;
    timers_.schedule(call, now + options_.hold);
  } else {
    send_bye(call, now);
  }
}

void Caller::send_bye(Call& call, Instant now) {
  call.state = State::Closing;
  begin_transaction(call, now);
  send(call.source, call.bye_remote, {bye_octets(call).data(), call.bye_length});
}

void Caller::on_bye_answer(Call& call, const Answer& answer) {
  const uint8_t server = stats_.servers.place_of(server_name(answer.message));
  if (server != 0 && server != call.server) ++stats_.misroutes;
  if (answer.message.status < 300) {
    ++stats_.succeeded;
  } else {
    stats_.count_failure(answer.message.status);
  }
  end_call(call);
}

SockAddress Caller::remote_of_dialog(const sip::Message& answer) const {
  if (options_.in_dialog == NextHop::Target) return options_.target;
  return RequestText::next_hop(answer).value_or(options_.target);
}

// Whoever answers an INVITE goes on until it sees an ACK, whatever has become of the call.
void Caller::acknowledge(const Answer& answer) {
  const bool is_success = answer.message.status < 300;
  const CallKey& call = answer.key.call;
  const auto ack = is_success
                       ? text_.write_in_dialog({call, Step::Ack}, answer.source, answer.message)
                       : text_.write_failure_ack(call, answer.source, answer.message);
  if (!ack) return;
  send(answer.source, is_success ? remote_of_dialog(answer.message) : options_.target, *ack);
}

}  // namespace siplb::load
