#include "balance/health.h"

#include <algorithm>

#include "base/assert.h"

namespace siplb::balance {
namespace {

constexpr uint16_t kRequestTimeout = 408;
constexpr uint16_t kServiceUnavailable = 503;
// Of a 503 without Retry-After to a call.
constexpr Duration kBusyDefault = std::chrono::seconds(5);

}  // namespace

std::string_view name(HealthState state) {
  switch (state) {
    case HealthState::Unknown: return "unknown";
    case HealthState::Up: return "up";
    case HealthState::Down: return "down";
    case HealthState::kCount: break;
  }
  return {};
}

std::string_view name(HealthReason reason) {
  switch (reason) {
    case HealthReason::Start: return "start";
    case HealthReason::Answered: return "answered";
    case HealthReason::TimedOut: return "timed-out";
    case HealthReason::Refused: return "refused";
    case HealthReason::BadCode: return "bad-code";
    case HealthReason::Unsendable: return "unsendable";
    case HealthReason::Busy: return "busy";
    case HealthReason::Relieved: return "relieved";
    case HealthReason::Address: return "address";
    case HealthReason::Operator: return "operator";
    case HealthReason::kCount: break;
  }
  return {};
}

ServerHealth::ServerHealth(const HealthOptions& options, Instant first_probe_at)
    : options_(options), rise_needed_(options.rise), due_at_(first_probe_at) {}

Instant ServerHealth::probe_due() const {
  return is_under_way_ ? Instant::max() : due_at_;
}

void ServerHealth::on_probe_sent(Instant now) {
  SIPLB_ASSERT(!is_under_way_);
  is_under_way_ = true;
  sent_at_ = now;
}

Instant ServerHealth::probe_timeout() const {
  return is_under_way_ ? sent_at_ + options_.timeout : Instant::max();
}

bool ServerHealth::on_probe(const Outcome& outcome, Instant now) {
  SIPLB_ASSERT(is_under_way_);
  is_under_way_ = false;
  const View before = view();
  const HealthReason reason = reason_of(outcome);
  if (reason == HealthReason::Answered) {
    on_success(outcome, now);
  } else if (reason == HealthReason::Unsendable) {
    failures_in_row_ = 0;
    change(HealthState::Unknown, reason, now);
  } else {
    on_failure(reason, outcome.traffic, now);
  }
  due_at_ = next_due(reason, now);
  return view() != before;
}

HealthReason ServerHealth::reason_of(const Outcome& outcome) const {
  switch (outcome.result) {
    case ProbeResult::TimedOut: return HealthReason::TimedOut;
    case ProbeResult::Refused: return HealthReason::Refused;
    case ProbeResult::Unsendable: return HealthReason::Unsendable;
    case ProbeResult::Answered: break;
  }
  const std::vector<uint16_t>& down = options_.down;
  const bool is_bad = outcome.code == kRequestTimeout ||
                      std::find(down.begin(), down.end(), outcome.code) != down.end();
  return is_bad ? HealthReason::BadCode : HealthReason::Answered;
}

void ServerHealth::on_success(const Outcome& outcome, Instant now) {
  failures_in_row_ = 0;
  ++answers_in_row_;
  if (state_ == HealthState::Unknown) change(HealthState::Up, HealthReason::Answered, now);
  if (state_ == HealthState::Down && answers_in_row_ >= rise_needed_) {
    change(HealthState::Up, HealthReason::Answered, now);
    up_since_ = now;
  }
  const bool is_busy = outcome.code == kServiceUnavailable;
  probe_busy_until_ =
      is_busy ? busy_end(outcome.retry_after, options_.retry_after_max, now) : Instant::min();
  tell_of_busy();
}

void ServerHealth::on_failure(HealthReason reason, TrafficProof traffic, Instant now) {
  answers_in_row_ = 0;
  if (state_ == HealthState::Down) return;
  failures_in_row_ = std::min<uint32_t>(failures_in_row_ + 1, options_.fall);
  if (failures_in_row_ < options_.fall) return;
  if (reason == HealthReason::TimedOut && traffic == TrafficProof::Recent) {
    ++disagreement_count_;
    return;
  }
  rise_needed_ = rise_after_fall(now);
  change(HealthState::Down, reason, now);
}

uint32_t ServerHealth::rise_after_fall(Instant now) const {
  const uint32_t rise = options_.rise;
  if (up_since_ == Instant::min()) return rise;
  const auto calm_windows = (now - up_since_) / kFlapWindow;
  if (calm_windows == 0) return std::min(2 * rise_needed_, kRiseMax);
  return std::max(rise_needed_ >> std::min<int64_t>(calm_windows, 31), rise);
}

Instant ServerHealth::next_due(HealthReason reason, Instant now) const {
  const bool is_down = state_ == HealthState::Down;
  if (reason == HealthReason::Refused && !is_down) return now + kRefusedPause;
  const bool is_turning = is_down ? answers_in_row_ > 0 : failures_in_row_ > 0;
  return std::max(now, sent_at_ + (is_turning ? options_.fast_interval : options_.interval));
}

void ServerHealth::ask_for_probe(Instant now) {
  if (is_under_way_ || now < asked_at_ + kAskedPause) return;
  asked_at_ = now;
  due_at_ = std::min(due_at_, now);
}

bool ServerHealth::on_busy(Duration retry_after, Instant now) {
  // More of them come from requests that were under way when the pause began.
  if (now < call_busy_until_) return false;
  const View before = view();
  call_busy_until_ = busy_end(retry_after, kBusyDefault, now);
  tell_of_busy();
  return view() != before;
}

bool ServerHealth::on_time(Instant now) {
  if (busy_until() == Instant::min() || now < busy_until()) return false;
  probe_busy_until_ = Instant::min();
  call_busy_until_ = Instant::min();
  tell_of_busy();
  return true;
}

Instant ServerHealth::busy_end(Duration retry_after, Duration otherwise, Instant now) const {
  const Duration wanted = retry_after > Duration::zero() ? retry_after : otherwise;
  return now + std::min<Duration>(wanted, options_.retry_after_max);
}

void ServerHealth::tell_of_busy() {
  if (state_ == HealthState::Down) return;  // That says more.
  if (busy_until() != Instant::min()) {
    reason_ = HealthReason::Busy;
  } else if (reason_ == HealthReason::Busy) {
    reason_ = HealthReason::Relieved;
  }
}

void ServerHealth::change(HealthState state, HealthReason reason, Instant now) {
  reason_ = reason;
  if (state == state_) return;
  state_ = state;
  changed_at_ = now;
}

}  // namespace siplb::balance
