#include "observe/event_memory.h"

#include <algorithm>
#include <utility>

namespace siplb::observe {

void EventMemory::add(std::string line) {
  const std::lock_guard lock(mutex_);
  octets_ += line.size();
  lines_.push_back(std::move(line));
  while (lines_.size() > kLinesMax || octets_ > kOctetsMax) {
    octets_ -= lines_.front().size();
    lines_.pop_front();
    ++forgotten_;
  }
}

EventMemory::Part EventMemory::since(uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const uint64_t first = std::clamp(number, forgotten_, forgotten_ + lines_.size());
  return from(static_cast<size_t>(first - forgotten_));
}

EventMemory::Part EventMemory::last(size_t count) const {
  const std::lock_guard lock(mutex_);
  return from(lines_.size() - std::min(count, lines_.size()));
}

// Requires: the mutex is held, and there is such a position, or it is the end.
EventMemory::Part EventMemory::from(size_t position) const {
  return {.first = forgotten_ + position,
          .lines = {lines_.begin() + static_cast<std::ptrdiff_t>(position), lines_.end()}};
}

}  // namespace siplb::observe
