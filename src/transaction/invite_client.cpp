#include "transaction/invite_client.h"

#include <algorithm>

namespace siplb::transaction {

InviteClient::InviteClient(Hop hop, Instant now)
    : sent_at_(now), state_(State::Calling), repeats_(hop == Hop::Datagram) {}

InviteClient::Answer InviteClient::on_response(uint16_t status) {
  switch (state_) {
    case State::Calling:
    case State::Proceeding:
      if (status >= 300) {
        state_ = State::Completed;
        return Answer::PassAndAck;
      }
      state_ = status >= 200 ? State::Accepted : State::Proceeding;
      return Answer::Pass;
    case State::Completed: return status >= 300 ? Answer::AckAgain : Answer::Absorb;
    case State::Accepted: return status >= 200 && status < 300 ? Answer::Pass : Answer::Absorb;
    case State::Terminated: break;
  }
  return Answer::Absorb;
}

InviteClient::Due InviteClient::on_timer(const TimerOptions& timers, Instant now) {
  if (state_ != State::Calling) return Due::Nothing;
  if (now >= sent_at_ + timers.invite) {
    state_ = State::Terminated;
    return Due::TimedOut;
  }
  if (!repeats_ || now < repeat_at(timers)) return Due::Nothing;
  do {
    ++repeat_count_;
  } while (repeat_at(timers) <= now);
  return Due::Repeat;
}

void InviteClient::on_transport_error() {
  if (is_pending()) state_ = State::Terminated;
}

void InviteClient::stop_repeating() {
  repeats_ = false;
}

std::optional<Instant> InviteClient::deadline(const TimerOptions& timers) const {
  if (state_ != State::Calling) return std::nullopt;
  const Instant timed_out_at = sent_at_ + timers.invite;
  return repeats_ ? std::min(repeat_at(timers), timed_out_at) : timed_out_at;
}

// A has no longest pause (17.1.1.2). One of B's length has none after it, and can't overflow.
Instant InviteClient::repeat_at(const TimerOptions& timers) const {
  return sent_at_ + repeat_after(timers.t1, timers.invite, repeat_count_);
}

}  // namespace siplb::transaction
