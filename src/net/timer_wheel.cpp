#include "net/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace siplb::net {
namespace {

using Tick = std::chrono::milliseconds;

uint64_t tick_at_or_before(Instant at) {
  const int64_t count = std::chrono::floor<Tick>(at.time_since_epoch()).count();
  return count < 0 ? 0 : static_cast<uint64_t>(count);
}

uint64_t tick_at_or_after(Instant at) {
  const int64_t count = std::chrono::ceil<Tick>(at.time_since_epoch()).count();
  return count < 0 ? 0 : static_cast<uint64_t>(count);
}

Instant instant_of(uint64_t tick) {
  // Rounding up the last millisecond there is would leave the clock's range.
  constexpr auto kLast = std::chrono::floor<Tick>(Instant::max().time_since_epoch());
  if (tick > static_cast<uint64_t>(kLast.count())) return Instant::max();
  return Instant(Tick(static_cast<int64_t>(tick)));
}

}  // namespace

Instant TimerNode::deadline() const {
  SIPLB_DASSERT(scheduled());
  return instant_of(tick_);
}

TimerWheel::TimerWheel(Instant now) : now_(tick_at_or_before(now)), position_(now_) {
  static_assert((Instant::max().time_since_epoch() / Tick(1)) >> (kDigitBits * kLevels) == 0);
  for (TimerNode& head : slots_) head.next_ = head.previous_ = &head;
}

TimerWheel::~TimerWheel() {
  for (TimerNode& head : slots_) {
    while (head.next_ != &head) unlink(*head.next_);
    head.next_ = head.previous_ = nullptr;
  }
}

void TimerWheel::schedule(TimerNode& node, Instant deadline) {
  cancel(node);
  node.tick_ = std::max(tick_at_or_after(deadline), now_ + 1);
  link(node);
  if (size_ == 1 || (earliest_ && node.tick_ < *earliest_)) earliest_ = node.tick_;
}

void TimerWheel::cancel(TimerNode& node) {
  if (node.scheduled()) unlink(node);
}

std::optional<Instant> TimerWheel::next_deadline() {
  if (size_ == 0) return std::nullopt;
  if (!earliest_) {
    const TimerNode& head = slots_[*first_slot()];
    earliest_ = head.next_->tick_;
    for (const TimerNode* node = head.next_; node != &head; node = node->next_) {
      earliest_ = std::min(*earliest_, node->tick_);
    }
  }
  return instant_of(*earliest_);
}

// Moves the clock and says whether anything can be due.
bool TimerWheel::reach(Instant now) {
  now_ = std::max(now_, tick_at_or_before(now));
  if (size_ == 0) {
    position_ = now_;
    return false;
  }
  return !earliest_ || *earliest_ <= now_;
}

// Takes out the next node whose tick has come. The position moves only over slots that are empty
// by then, so that every node stays on the level its tick and the position say.
TimerNode* TimerWheel::take_due() {
  while (const std::optional<uint32_t> slot = first_slot()) {
    const uint64_t start = start_of(*slot);
    if (start > now_) break;
    position_ = start;
    if (*slot < kSlots) {
      TimerNode* const node = slots_[*slot].next_;
      unlink(*node);
      return node;
    }
    cascade(*slot);
  }
  position_ = now_;
  earliest_.reset();
  return nullptr;
}

// Everything on a level is due before anything on the level above.
std::optional<uint32_t> TimerWheel::first_slot() const {
  for (uint32_t level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    return level * kSlots + static_cast<uint32_t>(std::countr_zero(occupied_[level]));
  }
  return std::nullopt;
}

// The first tick a slot stands for: the position's digits above the slot's level, then its own.
uint64_t TimerWheel::start_of(uint32_t slot) const {
  const uint32_t shift = slot / kSlots * kDigitBits;
  const uint64_t above = position_ >> (shift + kDigitBits) << (shift + kDigitBits);
  return above | (uint64_t{slot % kSlots} << shift);
}

// Deals a slot's nodes out to lower levels, in their order.
void TimerWheel::cascade(uint32_t slot) {
  TimerNode& head = slots_[slot];
  while (head.next_ != &head) {
    TimerNode& node = *head.next_;
    unlink(node);
    link(node);
  }
}

void TimerWheel::link(TimerNode& node) {
  const uint64_t differing = node.tick_ ^ position_;
  const auto highest_bit = static_cast<uint32_t>(std::bit_width(differing | 1)) - 1;
  const uint32_t level = highest_bit / kDigitBits;
  const auto digit = static_cast<uint32_t>(node.tick_ >> (level * kDigitBits)) % kSlots;
  node.slot_ = level * kSlots + digit;
  occupied_[level] |= uint64_t{1} << digit;

  TimerNode& head = slots_[node.slot_];
  node.next_ = &head;
  node.previous_ = head.previous_;
  head.previous_->next_ = &node;
  head.previous_ = &node;
  ++size_;
}

void TimerWheel::unlink(TimerNode& node) {
  node.previous_->next_ = node.next_;
  node.next_->previous_ = node.previous_;
  if (node.next_ == node.previous_) {  // both are the head: the slot is empty now
    occupied_[node.slot_ / kSlots] &= ~(uint64_t{1} << (node.slot_ % kSlots));
  }
  node.next_ = node.previous_ = nullptr;
  --size_;
}

}  // namespace siplb::net
