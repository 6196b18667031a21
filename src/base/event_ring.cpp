#include "base/event_ring.h"

namespace siplb {

void EventBell::ring() {
  count_.fetch_add(1, std::memory_order_release);
  count_.notify_all();  // a system call only when somebody waits
}

EventRing::Pace& EventRing::pace_of(const Event& event) {
  auto& of_id = paces_[static_cast<size_t>(event.id)];
  const bool has_reasons = event_info(event.id).rate == EventRate::OncePerSecondAndReason;
  return has_reasons ? of_id[static_cast<size_t>(event.args[0]) % kReasonsMax] : of_id[0];
}

void EventRing::post(const Event& event, std::string_view text) {
  producer_.check();
  Pace& pace = pace_of(event);
  if (event_info(event.id).rate != EventRate::EveryOne && pace.seen &&
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
  slot.text.clear();
  slot.text.append(text.substr(0, kEventTextMax));
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
