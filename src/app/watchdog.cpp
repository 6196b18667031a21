#include "app/watchdog.h"

#include <algorithm>

#include "base/assert.h"

namespace siplb::app {

Watchdog::Watchdog(Duration patience, size_t thread_count)
    : patience_(patience), at_kick_(thread_count) {
  SIPLB_ASSERT(patience > Duration::zero());
}

Watchdog::Verdict Watchdog::look(Instant now, std::span<const uint64_t> progress) {
  SIPLB_ASSERT(progress.size() == at_kick_.size());
  Verdict verdict;
  if (!kicked_at_) {
    begin_round(progress);
  } else {
    const std::optional<size_t> idle = first_idle(progress);
    verdict.is_alive = !idle && !is_told_;
    is_told_ = is_told_ || verdict.is_alive;
    if (now - *kicked_at_ < patience_ / 2) return verdict;
    if (is_told_) {
      begin_round(progress);
    } else {
      verdict.hung = idle;
    }
  }
  kicked_at_ = now;
  verdict.is_kick_due = true;
  return verdict;
}

void Watchdog::begin_round(std::span<const uint64_t> progress) {
  std::copy(progress.begin(), progress.end(), at_kick_.begin());
  is_told_ = false;
}

std::optional<size_t> Watchdog::first_idle(std::span<const uint64_t> progress) const {
  const auto [idle, same] = std::mismatch(progress.begin(), progress.end(), at_kick_.begin(),
                                          [](uint64_t now, uint64_t then) { return now != then; });
  if (idle == progress.end()) return std::nullopt;
  return static_cast<size_t>(idle - progress.begin());
}

}  // namespace siplb::app
