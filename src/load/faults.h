// What a simulated server does wrong on demand, and the dice that decide when.
//
// Thread: one. Bounds: constant size, no heap.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace siplb::load {

// How connections are read: as they fill, unless something else is asked for.
struct Reading {
  bool stuck = false;            // not at all
  double octets_per_second = 0;  // at most, each; 0 = any number
  double reset_every = 0;        // messages, after which each connection is reset; 0 = never
};

struct Faults {
  bool silent = false;           // takes everything, answers nothing
  bool duplicate = false;        // sends each answer twice
  bool no_trying = false;        // sends no 100
  Duration delay{};              // before any answer
  Duration service{};            // that a call takes of the server, one after the other
  std::optional<Duration> ring;  // from 180 to 200; none: as all servers do
  double drop = 0;               // share of messages that are lost on arrival
  double reject = 0;             // share of INVITEs that are answered 503
  double capacity = 0;  // INVITEs a second, above which they are answered 503; 0 = any number
  Reading reading;
};

// "500ms", "2s" or "5m", also with a fraction; nothing where it is anything else.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);

// Sets what "silent", "duplicate", "no-100", "stuck", "delay=1500ms", "late=1500ms" (a delay
// without a 100), "service=20ms", "ring=5s", "drop=0.05", "503=0.2", "capacity=100",
// "slow-read=1000" or "reset-every=50" names; false where the text is none of these or the value is
// out of range.
[[nodiscard]] bool apply_fault(std::string_view text, Faults& faults);

// Pseudo-random, the same for the same seed (SplitMix64).
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}
  // True in that share of all throws.
  [[nodiscard]] bool hits(double share);

 private:
  uint64_t state_;
};

// Lets a rate through, and a tenth of a second's worth at once.
class RateGate {
 public:
  // 0 = lets everything through.
  RateGate(double per_second, Instant now);
  [[nodiscard]] bool passes(Instant now);

 private:
  double per_second_;
  double burst_;
  double tokens_;
  Instant filled_at_;
};

}  // namespace siplb::load
