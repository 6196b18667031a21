#include "transport/message_slots.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace siplb::transport {
namespace {

size_t size_of(SlotClass size_class) {
  return kSlotSizes[static_cast<size_t>(size_class)];
}

}  // namespace

size_t length_of(std::span<const std::string_view> pieces) {
  size_t length = 0;
  for (const std::string_view piece : pieces) length += piece.size();
  return length;
}

std::string_view join(std::span<const std::string_view> pieces, std::span<char> out) {
  SIPLB_DASSERT(length_of(pieces) <= out.size());
  char* to = out.data();
  for (const std::string_view piece : pieces) to = std::copy(piece.begin(), piece.end(), to);
  return {out.data(), to};
}

Result<std::unique_ptr<MessageSlots>> MessageSlots::reserve(const MessageSlotsOptions& options) {
  auto small = MemoryRegion::reserve(options.small_count * size_of(SlotClass::Small));
  if (!small) return tl::unexpected(small.error());
  auto medium = MemoryRegion::reserve(options.medium_count * size_of(SlotClass::Medium));
  if (!medium) return tl::unexpected(medium.error());
  auto large = MemoryRegion::reserve(options.large_count * size_of(SlotClass::Large));
  if (!large) return tl::unexpected(large.error());
  return std::unique_ptr<MessageSlots>(
      new MessageSlots(std::move(*small), std::move(*medium), std::move(*large)));
}

MessageSlots::MessageSlots(MemoryRegion small, MemoryRegion medium, MemoryRegion large)
    : pools_{SlotPool(std::move(small), size_of(SlotClass::Small)),
             SlotPool(std::move(medium), size_of(SlotClass::Medium)),
             SlotPool(std::move(large), size_of(SlotClass::Large))} {}

std::optional<MessageSlot> MessageSlots::take(size_t length) {
  const auto take_from = [this](SlotClass size_class) -> std::optional<MessageSlot> {
    const auto handle = pools_[static_cast<size_t>(size_class)].take();
    if (!handle) return std::nullopt;
    return MessageSlot{*handle, size_class};
  };
  if (length <= size_of(SlotClass::Small)) {
    if (const auto slot = take_from(SlotClass::Small)) return slot;
  }
  if (length <= size_of(SlotClass::Medium)) return take_from(SlotClass::Medium);
  if (length <= size_of(SlotClass::Large)) return take_from(SlotClass::Large);
  return std::nullopt;
}

std::optional<StoredText> MessageSlots::store(std::span<const std::string_view> pieces) {
  const size_t length = length_of(pieces);
  const auto slot = take(length);
  if (!slot) return std::nullopt;
  join(pieces, octets(*slot));
  return StoredText{*slot, static_cast<uint32_t>(length)};
}

std::string_view MessageSlots::text_of(const StoredText& message) const {
  return {octets(message.slot).data(), message.length};
}

void MessageSlots::give_back(MessageSlot slot) {
  pools_[static_cast<size_t>(slot.size_class)].give_back(slot.handle);
}

std::span<char> MessageSlots::octets(MessageSlot slot) const {
  return pool(slot.size_class).octets(slot.handle);
}

const SlotPool& MessageSlots::pool(SlotClass size_class) const {
  return pools_[static_cast<size_t>(size_class)];
}

}  // namespace siplb::transport
