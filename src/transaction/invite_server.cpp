#include "transaction/invite_server.h"

#include <algorithm>

#include "base/assert.h"

namespace siplb::transaction {

InviteServer::InviteServer(Hop hop, Instant now)
    : since_(now),
      state_(State::Proceeding),
      is_datagram_(hop == Hop::Datagram),
      trying_due_(true) {}

void InviteServer::leave_trying_to_server() {
  trying_due_ = false;
}

void InviteServer::on_provisional() {
  trying_due_ = false;
  repeats_ = is_datagram_;
}

void InviteServer::on_final(uint16_t status, Instant now) {
  SIPLB_ASSERT(state_ == State::Proceeding);
  state_ = status < 300 ? State::Accepted : State::Completed;
  since_ = now;
}

bool InviteServer::on_ack() {
  if (state_ != State::Completed) return false;
  state_ = State::Confirmed;
  return true;
}

InviteServer::Repeat InviteServer::on_request() const {
  switch (state_) {
    case State::Proceeding: return Repeat::SendProvisional;
    case State::Completed: return Repeat::SendFinal;
    case State::Accepted:
    case State::Confirmed:
    case State::Terminated: break;
  }
  return Repeat::Absorb;
}

InviteServer::Due InviteServer::on_timer(const TimerOptions& timers, Instant now) {
  if (state_ == State::Proceeding) {
    if (!trying_due_ || now < since_ + kTryingAfter) return Due::Nothing;
    on_provisional();
    return Due::SendTrying;
  }
  if (state_ != State::Completed) return Due::Nothing;
  if (now >= since_ + timers.invite) {
    state_ = State::Terminated;
    return Due::GaveUp;
  }
  if (!repeats_ || now < repeat_at(timers)) return Due::Nothing;
  do {
    ++repeat_count_;
  } while (repeat_at(timers) <= now);
  return Due::SendFinal;
}

std::optional<Instant> InviteServer::deadline(const TimerOptions& timers) const {
  if (state_ == State::Proceeding && trying_due_) return since_ + kTryingAfter;
  if (state_ != State::Completed) return std::nullopt;
  const Instant gave_up_at = since_ + timers.invite;
  return repeats_ ? std::min(repeat_at(timers), gave_up_at) : gave_up_at;
}

Instant InviteServer::repeat_at(const TimerOptions& timers) const {
  return since_ + repeat_after(timers.t1, timers.t2, repeat_count_);
}

}  // namespace siplb::transaction
