// The clock of a scenario: time passes by running every timer on the way at its own deadline. See
// player.h.
#include <algorithm>

#include "scenario/player.h"

namespace siplb::test {
namespace {

// Days since 1970 when a scenario begins.
constexpr int64_t kFirstDay = 20'000;

// No request is under way for so long, whatever the timers.
constexpr Duration kLongEnough = std::chrono::hours(24);

}  // namespace

proxy::Tick Player::tick() const {
  const auto days = std::chrono::floor<std::chrono::days>(now_.time_since_epoch()).count();
  const auto minutes = std::chrono::floor<std::chrono::minutes>(now_.time_since_epoch()).count();
  return {.now = now_,
          .today = static_cast<uint16_t>(kFirstDay + days),
          .minute = static_cast<uint16_t>(minutes)};
}

void Player::pass_time(Instant until) {
  if (until < now_) throw ScriptError("the clock does not run backwards");
  while (true) {
    const auto deadline = process_->next_deadline();
    if (!deadline || *deadline > until) break;
    now_ = std::max(now_, *deadline);
    collect(process_->run_timers(tick()));
  }
  now_ = until;
}

// Whatever a process was left with, it comes to an end, and everything is given back.
void Player::run_out() {
  const Instant now = now_;
  pass_time(now + kLongEnough);
  now_ = now;
  sent_.clear();
  process_->check_idle();
}

}  // namespace siplb::test
