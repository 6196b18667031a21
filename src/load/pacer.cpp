#include "load/pacer.h"

#include <algorithm>

#include "base/assert.h"

namespace siplb::load {

using Seconds = std::chrono::duration<double>;

Pacer::Pacer(const PacerOptions& options, Instant start) : options_(options), start_(start) {
  SIPLB_ASSERT(options.rate > 0 || options.window > 0);
}

bool Pacer::is_over(Instant now) const {
  if (is_stopped_) return true;
  if (options_.calls_max != 0 && taken_ == options_.calls_max) return true;
  return options_.duration > Duration::zero() && now - start_ >= options_.duration;
}

Instant Pacer::due_at(uint64_t call) const {
  const Seconds due(static_cast<double>(call) / options_.rate);
  return start_ + std::chrono::ceil<Duration>(due);
}

uint32_t Pacer::take(Instant now, uint32_t in_flight) {
  if (is_over(now)) return 0;
  uint64_t wanted = 0;
  if (options_.rate > 0) {
    const double elapsed = Seconds(now - start_).count();
    auto due = static_cast<uint64_t>(elapsed * options_.rate) + 1;
    // The product may round down, just when next() has said that a call is due.
    if (due_at(due) <= now) ++due;
    wanted = due - std::min(due, taken_);
  } else {
    wanted = options_.window - std::min(options_.window, in_flight);
  }
  if (options_.calls_max != 0) wanted = std::min(wanted, options_.calls_max - taken_);
  wanted = std::min<uint64_t>(wanted, kBurstMax);
  taken_ += wanted;
  return static_cast<uint32_t>(wanted);
}

std::optional<Instant> Pacer::next(Instant now, uint32_t in_flight) const {
  if (is_over(now)) return std::nullopt;
  std::optional<Instant> next;
  if (options_.rate > 0) {
    next = due_at(taken_);
  } else if (in_flight < options_.window) {
    next = now;
  }
  // The end is an event too: whoever waits for it must wake.
  if (options_.duration > Duration::zero()) {
    const Instant end = start_ + options_.duration;
    next = next ? std::min(*next, end) : end;
  }
  return next;
}

}  // namespace siplb::load
