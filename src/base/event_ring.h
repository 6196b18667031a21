// The way from a thread that must never wait to the logger: one ring per thread, one bell for all.
//
// post() copies an event and returns: it neither blocks nor allocates, and makes a system call only
// when the logger sleeps. A full ring drops the newest event. Of an id marked OncePerSecond it lets
// one pass per second, or one for each reason. Whatever is held back is counted and told with the
// next of its kind.
// Thread: one that posts and one that takes, for an EventRing; any, for an EventBell.
// Bounds: kCapacity events; kReasonsMax reasons are told apart.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/counter.h"
#include "base/event.h"
#include "base/thread_checker.h"
#include "base/time.h"

namespace siplb {

// Wakes the logger. It reads count(), takes what all rings hold, and when that was nothing
// wait()s with the count it read; so an event posted in between is not slept through.
class EventBell {
 public:
  // From any thread; also how the logger is told to stop.
  void ring();
  [[nodiscard]] uint32_t count() const { return count_.load(std::memory_order_acquire); }
  // Returns once count() is no longer `seen`.
  void wait(uint32_t seen) const { count_.wait(seen, std::memory_order_acquire); }

 private:
  std::atomic<uint32_t> count_{0};
};

class EventRing {
 public:
  static constexpr size_t kCapacity = 256;
  static constexpr size_t kReasonsMax = 32;
  static constexpr Duration kQuietPeriod = std::chrono::seconds(1);

  // The bell must outlive the ring.
  explicit EventRing(EventBell& bell) : bell_(bell) {}
  EventRing(const EventRing&) = delete;
  EventRing& operator=(const EventRing&) = delete;

  // Producer. The text is copied only if the event passes.
  void post(const Event& event, std::string_view text = {});

  // Consumer: the oldest event; nothing when empty.
  [[nodiscard]] std::optional<Event> try_take();

  // Events lost to a full ring. From any thread.
  [[nodiscard]] uint64_t dropped() const { return dropped_.value(); }

 private:
  struct Pace {
    Instant last{};
    bool seen = false;
    uint32_t suppressed_count = 0;
  };

  [[nodiscard]] Pace& pace_of(const Event& event);

  EventBell& bell_;
  ThreadChecker producer_;
  Counter dropped_;
  // By id and reason.
  std::array<std::array<Pace, kReasonsMax>, static_cast<size_t>(EventId::kCount)> paces_{};
  std::atomic<size_t> tail_{0};              // the producer's
  alignas(64) std::atomic<size_t> head_{0};  // the consumer's
  std::array<Event, kCapacity> events_{};
};

}  // namespace siplb
