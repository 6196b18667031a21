// What the main thread does while siplbd runs: it takes signals, watches all other threads, and
// says how siplbd is. It owns nothing else and waits for nobody, so that it can be relied upon.
//
// The service manager hears of us only while every watched thread makes progress (watchdog.h); a
// thread that does not is named in the log, and the manager ends and restarts the process.
// Thread: one (main). Bounds: constant size.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/signals.h"
#include "app/status_line.h"
#include "app/systemd.h"
#include "app/watchdog.h"
#include "observe/event_log.h"
#include "observe/vitals.h"

namespace siplb::app {

class Supervisor {
 public:
  struct WatchedThread {
    std::string name;
    std::function<uint64_t()> progress;  // grows with each turn of its loop
    std::function<void()> wake;          // makes it take a turn
  };
  // None of these may wait for anything. The first two are borrowed.
  struct Parts {
    const Signals& signals;
    const Systemd& systemd;
    observe::EventLog& log;
    std::vector<WatchedThread> threads;
    std::function<observe::Vitals()> vitals;
    std::function<std::string_view()> state;  // how the status line begins
    std::function<void()> reload;
  };
  explicit Supervisor(Parts parts);

  // Says that siplbd is ready, and returns when a signal is to end it, which the manager has then
  // been told.
  void run();

 private:
  void take_turn(Instant now);
  void watch(Instant now);
  [[nodiscard]] std::optional<Instant> next_turn(Instant now) const;

  const Parts parts_;
  std::optional<Watchdog> watchdog_;  // where the manager has one
  std::vector<uint64_t> progress_;    // as of the last look
  StatusLine status_;
  Instant next_look_;
};

}  // namespace siplb::app
