// Whether a server is alive: rise and fall, as a pure state machine (DESIGN 7).
//
// Only the answers to our own probes decide. What traffic meets asks for a probe at once
// (ask_for_probe), and traffic that is answered outweighs probes that are not: so no client can
// talk a server out of rotation, and a firewall in the probes' way takes nobody out.
//
//              rise answers
//   Unknown ──────────────────> Up        Unknown is usable: one answer makes it Up.
//      │                         │
//      └──> Down <───────────────┘        fall failures in a row: silences, refusals, bad codes
//             └── rise answers ──> Up     more of them for one that flaps
//
// From the first failure on, and from the first answer of one that is down, probes go out every
// fast_interval. So a server that falls silent is down at the latest after
//   interval + timeout + (fall - 1) * max(fast_interval, timeout).
// Busy is no state of health: who answers 503 is alive, and takes no new work for a while.
//
// No I/O and no clock: `now` comes from the caller, so a test is a list of events.
// Thread: one (the prober). Bounds: constant size, no heap.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>

#include "balance/health_options.h"
#include "base/time.h"

namespace siplb::balance {

enum class HealthState : uint8_t { Unknown, Up, Down, kCount };

// Why a server's state is what it is: of each transition, and of each signal.
enum class HealthReason : uint8_t {
  Start,       // nothing is known yet
  Answered,    // probes
  TimedOut,    // probes had no answer in time
  Refused,     // probes: a closed port, or a connection that could not be opened or was reset
  BadCode,     // probes were answered with a code listed in health.down, or 408
  Unsendable,  // probes could not be sent at all: nothing is known of the server
  Busy,        // it answered 503, to a probe or to a call: no new work for a while
  Relieved,    // that while is over, or a probe says otherwise
  Address,     // its name leads to another address now
  Operator,    // siplbctl
  kCount,
};

[[nodiscard]] std::string_view name(HealthState state);
[[nodiscard]] std::string_view name(HealthReason reason);

// What became of one probe.
enum class ProbeResult : uint8_t { Answered, TimedOut, Refused, Unsendable };

// Whether verified responses to traffic have come from the server since its last probe was sent:
// then probes that are not answered say nothing of it.
enum class TrafficProof : uint8_t { None, Recent };

class ServerHealth {
 public:
  // After an asked-for probe, the next one for that server that may be asked for.
  static constexpr Duration kAskedPause = std::chrono::milliseconds(250);
  // Until the next probe after one that was refused, while it is not down: a closed port answers at
  // once, so it needs no patience.
  static constexpr Duration kRefusedPause = std::chrono::milliseconds(25);
  // Who falls again within this after a rise is flapping: that doubles the answers that the next
  // rise needs, up to kRiseMax. For each such time that it stayed up they are halved again.
  static constexpr Duration kFlapWindow = std::chrono::seconds(60);
  static constexpr uint32_t kRiseMax = 32;

  // The first probe is due at `first_probe_at`: probes are spread over the interval.
  // Requires: options as the configuration has validated them.
  ServerHealth(const HealthOptions& options, Instant first_probe_at);

  // When the next probe is to be sent; Instant::max() while one is under way.
  [[nodiscard]] Instant probe_due() const;
  // A probe is sent. Requires: none is under way.
  void on_probe_sent(Instant now);
  // When the one under way times out; Instant::max() while there is none.
  [[nodiscard]] Instant probe_timeout() const;

  // What came of the probe under way. With Answered: its code, and its Retry-After or none (0).
  struct Outcome {
    ProbeResult result = ProbeResult::Answered;
    uint16_t code = 200;
    Duration retry_after{};
    TrafficProof traffic = TrafficProof::None;
  };
  // What an outcome says: Answered, Unsendable, or how it failed.
  [[nodiscard]] HealthReason reason_of(const Outcome& outcome) const;
  // True when state, reason or busy_until() have changed.
  // Requires: a probe is under way.
  [[nodiscard]] bool on_probe(const Outcome& outcome, Instant now);

  // Traffic met silence or a refusal: the next probe is due at once, unless one is under way or was
  // asked for less than kAskedPause ago.
  void ask_for_probe(Instant now);
  // A call was answered 503 with this Retry-After or none (0, means 5 s): no new work for so long,
  // but at most health.retry_after_max. No probe ends that earlier: a server that is full of calls
  // may well answer OPTIONS. True when state, reason or busy_until() have changed.
  [[nodiscard]] bool on_busy(Duration retry_after, Instant now);
  // Ends a busy time that has run out: call it at busy_until(). True when there was one.
  [[nodiscard]] bool on_time(Instant now);

  [[nodiscard]] HealthState state() const { return state_; }
  [[nodiscard]] HealthReason reason() const { return reason_; }
  [[nodiscard]] Instant changed_at() const { return changed_at_; }
  // When it last became Up after Down: slow start counts from then. Instant::min(): never.
  [[nodiscard]] Instant up_since() const { return up_since_; }
  // Until when it takes no new work though it is alive; Instant::min() where it does.
  [[nodiscard]] Instant busy_until() const { return std::max(probe_busy_until_, call_busy_until_); }
  // Falls that traffic has vetoed.
  [[nodiscard]] uint64_t disagreement_count() const { return disagreement_count_; }
  [[nodiscard]] uint32_t rise_needed() const { return rise_needed_; }

 private:
  // What the outside is told of.
  struct View {
    HealthState state;
    HealthReason reason;
    Instant busy_until;
    bool operator==(const View&) const = default;
  };
  [[nodiscard]] View view() const { return {state_, reason_, busy_until()}; }
  void on_success(const Outcome& outcome, Instant now);
  void on_failure(HealthReason reason, TrafficProof traffic, Instant now);
  [[nodiscard]] uint32_t rise_after_fall(Instant now) const;
  [[nodiscard]] Instant next_due(HealthReason reason, Instant now) const;
  [[nodiscard]] Instant busy_end(Duration retry_after, Duration otherwise, Instant now) const;
  void tell_of_busy();
  void change(HealthState state, HealthReason reason, Instant now);

  HealthOptions options_;
  HealthState state_ = HealthState::Unknown;
  HealthReason reason_ = HealthReason::Start;
  uint32_t answers_in_row_ = 0;   // counts while it is down
  uint32_t failures_in_row_ = 0;  // counts while it is not
  uint32_t rise_needed_;
  Instant changed_at_ = Instant::min();
  Instant up_since_ = Instant::min();
  Instant probe_busy_until_ = Instant::min();
  Instant call_busy_until_ = Instant::min();
  Instant asked_at_ = Instant::min();
  Instant sent_at_ = Instant::min();
  Instant due_at_;
  bool is_under_way_ = false;
  uint64_t disagreement_count_ = 0;
};

}  // namespace siplb::balance
