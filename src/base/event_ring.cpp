#include "base/event_ring.h"

namespace siplb {

void EventBell::ring() {
  count_.fetch_add(1, std::memory_order_release);
  count_.notify_all();  // a system call only when somebody waits
}

void EventRing::post(const Event& event) {
  producer_.check();
  Pace& pace = paces_[static_cast<size_t>(event.id)];
  if (event_info(event.id).rate == EventRate::OncePerSecond && pace.seen &&
      event.at - pace.last < kQuietPeriod) {
    ++pace.suppressed_count;
    return;
  }
  const size_t tail = tail_.load(std::memory_order_relaxed);
  if (tail - head_.load(std::memory_order_acquire) == kCapacity) {
    dropped_.add();
    ++pace.suppressed_count;
    return;
  }
  Event& slot = events_[tail % kCapacity];
  slot = event;
  slot.suppressed_count = pace.suppressed_count;
  pace = {.last = event.at, .seen = true, .suppressed_count = 0};
  tail_.store(tail + 1, std::memory_order_release);
  bell_.ring();
}

std::optional<Event> EventRing::try_take() {
  const size_t head = head_.load(std::memory_order_relaxed);
  if (head == tail_.load(std::memory_order_acquire)) return std::nullopt;
  const Event event = events_[head % kCapacity];
  head_.store(head + 1, std::memory_order_release);
  return event;
}

}  // namespace siplb
