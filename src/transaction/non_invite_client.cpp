#include "transaction/non_invite_client.h"

#include <algorithm>

namespace siplb::transaction {

NonInviteClient::NonInviteClient(Hop hop, Instant now)
    : sent_at_(now), state_(State::Trying), repeats_(hop == Hop::Datagram) {}

NonInviteClient::Answer NonInviteClient::on_response(uint16_t status) {
  if (state_ == State::Terminated) return Answer::Absorb;
  if (status >= 200) {
    state_ = State::Completed;
    return Answer::Pass;
  }
  if (state_ == State::Trying) {
    state_ = State::Proceeding;
    // The repeat that E runs for comes as planned, and T2 after it the next (17.1.2.2).
    doublings_ = static_cast<uint8_t>(std::min<uint32_t>(repeat_count_, kDoublingsMax));
  }
  return Answer::Absorb;
}

NonInviteClient::Due NonInviteClient::on_timer(const TimerOptions& timers, Instant now) {
  if (!is_pending()) return Due::Nothing;
  if (now >= sent_at_ + timers.non_invite) {
    state_ = State::Terminated;
    return Due::TimedOut;
  }
  if (!repeats_ || now < repeat_at(timers)) return Due::Nothing;
  do {
    ++repeat_count_;
  } while (repeat_at(timers) <= now);
  return Due::Repeat;
}

void NonInviteClient::on_transport_error() {
  if (is_pending()) state_ = State::Terminated;
}

void NonInviteClient::stop_repeating() {
  repeats_ = false;
}

std::optional<Instant> NonInviteClient::deadline(const TimerOptions& timers) const {
  if (!is_pending()) return std::nullopt;
  const Instant timed_out_at = sent_at_ + timers.non_invite;
  return repeats_ ? std::min(repeat_at(timers), timed_out_at) : timed_out_at;
}

Instant NonInviteClient::repeat_at(const TimerOptions& timers) const {
  const uint32_t doubled = std::min<uint32_t>(repeat_count_, doublings_);
  return sent_at_ + repeat_after(timers.t1, timers.t2, doubled) +
         (repeat_count_ - doubled) * timers.t2;
}

}  // namespace siplb::transaction
