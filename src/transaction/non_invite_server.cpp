#include "transaction/non_invite_server.h"

namespace siplb::transaction {
namespace {

// When a client that sends its request at 0 sets its timer E to T2 for the first time.
Duration trying_after(const TimerOptions& timers) {
  const auto repeat = [&timers](uint32_t n) { return repeat_after(timers.t1, timers.t2, n); };
  uint32_t n = 0;
  while (repeat(n + 1) - repeat(n) < timers.t2) ++n;
  return repeat(n);
}

}  // namespace

NonInviteServer::NonInviteServer(Hop hop, Instant now)
    : since_(now), state_(State::Trying), hop_(hop) {}

void NonInviteServer::on_final() {
  state_ = State::Completed;
}

NonInviteServer::Repeat NonInviteServer::on_request() const {
  switch (state_) {
    case State::Trying: break;
    case State::Proceeding: return Repeat::SendTrying;
    case State::Completed: return Repeat::SendFinal;
  }
  return Repeat::Absorb;
}

NonInviteServer::Due NonInviteServer::on_timer(const TimerOptions& timers, Instant now) {
  const std::optional<Instant> due_at = deadline(timers);
  if (!due_at || now < *due_at) return Due::Nothing;
  state_ = State::Proceeding;
  return Due::SendTrying;
}

std::optional<Instant> NonInviteServer::deadline(const TimerOptions& timers) const {
  if (state_ != State::Trying || hop_ == Hop::Stream) return std::nullopt;
  return since_ + trying_after(timers);
}

}  // namespace siplb::transaction
