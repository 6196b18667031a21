// Whether siplbd is alive, judged by the progress of all threads that carry its work (DESIGN 2, 9).
//
// Time goes in rounds of half the service manager's patience. A round begins with a kick to every
// thread, so that those that sleep have something to count, and is over when each has counted; only
// that lets the manager hear of us, once per round. How much work they do, or shed, is no matter: a
// loop that comes round is alive.
//
//   kick -- a quarter: all have counted? alive -- a quarter: next round, or kick again
//
// Pure: no threads, no clock. Thread: one. Bounds: a number per thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/time.h"

namespace siplb::app {

class Watchdog {
 public:
  struct Verdict {
    bool is_alive = false;       // tell the manager so
    bool is_kick_due = false;    // wake every thread
    std::optional<size_t> hung;  // told with a kick: the first thread that has ignored the last one
  };

  // Requires: patience is above zero.
  Watchdog(Duration patience, size_t thread_count);

  // How long to wait before the next look.
  [[nodiscard]] Duration look_interval() const { return patience_ / 4; }
  // Requires: a number for each thread, that grows with its progress; `now` never goes back.
  [[nodiscard]] Verdict look(Instant now, std::span<const uint64_t> progress);

 private:
  void begin_round(std::span<const uint64_t> progress);
  [[nodiscard]] std::optional<size_t> first_idle(std::span<const uint64_t> progress) const;

  const Duration patience_;
  std::vector<uint64_t> at_kick_;
  std::optional<Instant> kicked_at_;  // nothing before the first look
  bool is_told_ = false;              // this round is over
};

}  // namespace siplb::app
