// Timers by the hundred thousand: a hierarchical timing wheel with nodes inside their owners.
//
// Scheduling, moving and cancelling cost the same few instructions however many timers there are.
// A tick is 1 ms: the shortest SIP timer is 500 ms, epoll_wait counts in milliseconds, and a
// coarser tick would show in the latency of queued messages. A level has 64 slots, one bit each in
// a word; a timer stands on the level of the highest 6-bit digit in which its tick differs from the
// wheel's position. So the earliest timer is always in the first occupied slot of the lowest
// occupied level, and eight levels hold every Instant there is: no overflow list, no wrapping. No
// clock: time comes from the caller, so a test is a list of events. Thread: one. Bounds: 8 KiB; 32
// octets in each owner; no heap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/assert.h"
#include "base/time.h"

namespace siplb::net {

class TimerWheel;

// Part (or base) of whatever waits. It must not be destroyed or moved while it is scheduled.
class TimerNode {
 public:
  TimerNode() = default;
  ~TimerNode() { SIPLB_ASSERT(!scheduled()); }
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;

  [[nodiscard]] bool scheduled() const { return next_ != nullptr; }
  // When it fires: what was asked for, rounded up to the tick.
  // Requires: scheduled(). An owner whose own deadline moved later leaves the node alone and
  // schedules it again when it fires: most timers are put off many times and never expire.
  [[nodiscard]] Instant deadline() const;

 private:
  friend class TimerWheel;

  TimerNode* next_ = nullptr;
  TimerNode* previous_ = nullptr;
  uint64_t tick_ = 0;
  uint32_t slot_ = 0;
};

class TimerWheel {
 public:
  // `now` is where the wheel starts to turn.
  explicit TimerWheel(Instant now);
  // Lets go of the nodes that are still scheduled.
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Fires `node` at the first advance() that reaches `deadline`, never before it. What is due
  // already fires one tick after the last advance(), so a timer that always asks for the past
  // cannot hold the loop. A scheduled node is moved.
  void schedule(TimerNode& node, Instant deadline);
  // Does nothing when the node is not scheduled.
  void cancel(TimerNode& node);

  // Calls on_due(TimerNode&) for all that is due, by tick, within a tick in the order of
  // scheduling, and returns their number. A node is free when on_due is called, which may schedule
  // it again and schedule, cancel or destroy any other; what it schedules waits for a later
  // advance(). A `now` before the last one is taken as the last one.
  template <class OnDue>
  size_t advance(Instant now, OnDue&& on_due) {
    size_t fired_count = 0;
    if (!reach(now)) return 0;
    while (TimerNode* node = take_due()) {
      on_due(*node);
      ++fired_count;
    }
    return fired_count;
  }

  // When to advance() next; nothing when no timer runs. That is the earliest deadline exactly, or
  // that of an earlier node that was cancelled or put off, until it has passed: one early return of
  // the loop is cheaper than looking for the next at each cancellation.
  [[nodiscard]] std::optional<Instant> next_deadline();

  [[nodiscard]] size_t size() const { return size_; }

 private:
  static constexpr uint32_t kDigitBits = 6;
  static constexpr uint32_t kSlots = 1U << kDigitBits;
  static constexpr uint32_t kLevels = 8;

  [[nodiscard]] bool reach(Instant now);
  [[nodiscard]] TimerNode* take_due();
  [[nodiscard]] std::optional<uint32_t> first_slot() const;
  [[nodiscard]] uint64_t start_of(uint32_t slot) const;
  void cascade(uint32_t slot);
  void link(TimerNode& node);
  void unlink(TimerNode& node);

  uint64_t now_;       // tick of the last advance()
  uint64_t position_;  // slots up to here are empty; behind now_ while nothing is due
  std::optional<uint64_t> earliest_;  // no node is due before it; none = look for it
  size_t size_ = 0;
  std::array<uint64_t, kLevels> occupied_{};
  std::array<TimerNode, size_t{kLevels} * kSlots> slots_;  // heads of rings of nodes
};

}  // namespace siplb::net
