#include "app/supervisor.h"

#include <algorithm>

namespace siplb::app {

Supervisor::Supervisor(Parts parts)
    : parts_(std::move(parts)), progress_(parts_.threads.size()), next_look_(Clock::now()) {
  if (const auto patience = parts_.systemd.watchdog_period()) {
    watchdog_.emplace(*patience, parts_.threads.size());
  }
}

void Supervisor::run() {
  parts_.systemd.ready();
  for (;;) {
    const Instant now = Clock::now();
    take_turn(now);
    const std::optional<Signal> signal = parts_.signals.wait(next_turn(now));
    if (signal == Signal::Reload) parts_.reload();
    if (signal == Signal::Terminate) break;
  }
  parts_.systemd.stopping();
}

void Supervisor::take_turn(Instant now) {
  if (!parts_.systemd.is_present()) return;
  if (watchdog_ && now >= next_look_) {
    watch(now);
    next_look_ = now + watchdog_->look_interval();
  }
  if (const auto line = status_.next(parts_.state(), parts_.vitals(), now)) {
    parts_.systemd.status(*line);
  }
}

void Supervisor::watch(Instant now) {
  std::transform(parts_.threads.begin(), parts_.threads.end(), progress_.begin(),
                 [](const WatchedThread& thread) { return thread.progress(); });
  const Watchdog::Verdict verdict = watchdog_->look(now, progress_);
  if (verdict.is_alive) parts_.systemd.alive();
  if (verdict.hung) {
    parts_.log.write(observe::LogLevel::Error, "thread hangs",
                     {{"thread", parts_.threads[*verdict.hung].name}});
  }
  if (!verdict.is_kick_due) return;
  for (const WatchedThread& thread : parts_.threads) thread.wake();
}

// Without a manager there is nothing to do between two signals.
std::optional<Instant> Supervisor::next_turn(Instant now) const {
  if (!parts_.systemd.is_present()) return std::nullopt;
  const Instant next_line = now + StatusLine::kInterval;
  return watchdog_ ? std::min(next_look_, next_line) : next_line;
}

}  // namespace siplb::app
