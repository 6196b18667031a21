#include "transport/stream_intake.h"

#include <algorithm>
#include <string_view>

#include "base/assert.h"

namespace siplb::transport {
namespace {

using Kind = sip::Frame::Kind;

std::string_view text_of(std::span<char> octets) {
  return {octets.data(), octets.size()};
}

// Who is not counted may have what there is.
bool may_begin(const StreamIntake::Parts& parts) {
  return parts.source == nullptr || parts.census.admit_unfinished(*parts.source);
}
bool may_have_large(const StreamIntake::Parts& parts) {
  return parts.source == nullptr || parts.census.admit_large(*parts.source);
}
void leave_unfinished(const StreamIntake::Parts& parts) {
  if (parts.source != nullptr) parts.census.leave_unfinished(*parts.source);
}
void leave_large(const StreamIntake::Parts& parts) {
  if (parts.source != nullptr) parts.census.leave_large(*parts.source);
}

}  // namespace

StreamIntake::~StreamIntake() {
  SIPLB_ASSERT(!slot_);
}

StreamIntake::Outcome StreamIntake::take(std::span<char> octets, const Parts& parts,
                                         StreamSink& sink, Instant now) {
  Outcome outcome = Outcome::Ok;
  while (outcome == Outcome::Ok && !octets.empty()) {
    outcome = slot_ ? take_rest(octets, parts, sink) : take_whole(octets, parts, sink, now);
  }
  sink.settle();
  return outcome;
}

StreamIntake::Outcome StreamIntake::take_whole(std::span<char>& octets, const Parts& parts,
                                               StreamSink& sink, Instant now) {
  const sip::Frame frame = framer_.next(text_of(octets));
  switch (frame.kind) {
    case Kind::Message: sink.on_message(octets.first(frame.length), sip::FrameFault::None); break;
    case Kind::Ping: sink.on_ping(); break;
    case Kind::Skipped: break;
    case Kind::Broken: return break_off(octets, frame, sink);
    case Kind::More:
      if (!may_begin(parts)) return Outcome::NoSlot;
      if (!take_slot(std::max(frame.length, octets.size() + 1), parts)) {
        leave_unfinished(parts);
        return Outcome::NoSlot;
      }
      std::copy(octets.begin(), octets.end(), parts.slots.octets(*slot_).begin());
      kept_ = static_cast<uint32_t>(octets.size());
      wanted_ = static_cast<uint32_t>(frame.length);
      since_ = now;
      octets = {};
      return Outcome::Ok;
  }
  octets = octets.subspan(frame.length);
  return Outcome::Ok;
}

StreamIntake::Outcome StreamIntake::take_rest(std::span<char>& octets, const Parts& parts,
                                              StreamSink& sink) {
  if (wanted_ == 0 && kept_ == parts.slots.octets(*slot_).size() && !grow(kept_ + 1, parts)) {
    return Outcome::NoSlot;
  }
  const std::span<char> slot = parts.slots.octets(*slot_);
  const size_t room = (wanted_ != 0 ? wanted_ : slot.size()) - kept_;
  const size_t taken = std::min(room, octets.size());
  std::copy_n(octets.begin(), taken, slot.begin() + kept_);
  kept_ += static_cast<uint32_t>(taken);

  const sip::Frame frame = framer_.next(text_of(slot.first(kept_)));
  if (frame.kind == Kind::Broken) return break_off(slot, frame, sink);
  if (frame.kind == Kind::More) {
    octets = octets.subspan(taken);
    wanted_ = static_cast<uint32_t>(frame.length);
    const bool is_too_small = wanted_ > slot.size();
    return is_too_small && !grow(wanted_, parts) ? Outcome::NoSlot : Outcome::Ok;
  }
  // What lies behind it was copied as well: that is looked at where it was read.
  octets = octets.subspan(taken - (kept_ - frame.length));
  sink.on_message(slot.first(frame.length), sip::FrameFault::None);
  sink.settle();
  drop(parts);
  return Outcome::Ok;
}

StreamIntake::Outcome StreamIntake::break_off(std::span<char> octets, const sip::Frame& frame,
                                              StreamSink& sink) {
  fault_ = frame.fault;
  if (frame.length > 0) sink.on_message(octets.first(frame.length), frame.fault);
  return Outcome::Broken;
}

// A source may hold a few large slots only: there are few.
bool StreamIntake::take_slot(size_t length, const Parts& parts) {
  const bool is_large = length > kSlotSizes[static_cast<size_t>(SlotClass::Medium)];
  if (is_large && !may_have_large(parts)) return false;
  slot_ = parts.slots.take(length);
  if (!slot_ && is_large) leave_large(parts);
  return slot_.has_value();
}

bool StreamIntake::grow(size_t length, const Parts& parts) {
  const MessageSlot before = *slot_;
  if (!take_slot(length, parts)) {
    slot_ = before;
    return false;
  }
  const std::span<char> old = parts.slots.octets(before).first(kept_);
  std::copy(old.begin(), old.end(), parts.slots.octets(*slot_).begin());
  parts.slots.give_back(before);
  return true;
}

void StreamIntake::drop(const Parts& parts) {
  if (!slot_) return;
  if (slot_->size_class == SlotClass::Large) leave_large(parts);
  leave_unfinished(parts);
  parts.slots.give_back(*slot_);
  slot_.reset();
  kept_ = 0;
  wanted_ = 0;
}

}  // namespace siplb::transport
