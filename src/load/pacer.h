// When to start how many calls: by the clock (open loop) or by the calls that end (closed loop).
//
// An open loop offers its rate whatever the other side can take, and after a stall catches up; so
// what it shows is how a server behaves under that rate. A closed loop keeps a number of calls in
// flight; so it shows what the server can do at most.
// Thread: one. Bounds: constant size; kBurstMax calls at a time.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace siplb::load {

struct PacerOptions {
  double rate = 0;         // calls a second; 0 = closed loop
  uint32_t window = 0;     // closed loop: calls in flight
  uint64_t calls_max = 0;  // 0 = no limit
  Duration duration{};     // 0 = no limit
};

class Pacer {
 public:
  static constexpr uint32_t kBurstMax = 256;

  // Requires: rate > 0 or window > 0.
  Pacer(const PacerOptions& options, Instant start);

  // Takes the calls that are to start now.
  [[nodiscard]] uint32_t take(Instant now, uint32_t in_flight);
  // When to call take() again, unless a call ends before; nothing where only that can help.
  [[nodiscard]] std::optional<Instant> next(Instant now, uint32_t in_flight) const;

  // No call is to start any more.
  [[nodiscard]] bool is_over(Instant now) const;
  void stop() { is_stopped_ = true; }

 private:
  // Open loop: when the call with this number is due; the first is 0.
  [[nodiscard]] Instant due_at(uint64_t call) const;

  const PacerOptions options_;
  const Instant start_;
  uint64_t taken_ = 0;
  bool is_stopped_ = false;
};

}  // namespace siplb::load
