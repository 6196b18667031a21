// Slots for messages that outlive their tick: send queues, copies in mailboxes, held requests.
//
// Three classes, since most messages are short and a few are long. A message takes the smallest
// class that fits; when Small is empty it may take a Medium one, but nothing falls up to Large:
// Large slots are few, and only they can carry a long message.
// Thread: one, the worker's. Bounds: the counts in the options.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "base/slot_pool.h"

namespace siplb::transport {

enum class SlotClass : uint8_t { Small, Medium, Large, kCount };

inline constexpr std::array<size_t, static_cast<size_t>(SlotClass::kCount)> kSlotSizes = {
    2048, 8192, 65536};

struct MessageSlotsOptions {
  size_t small_count = 4096;  // each at least 1
  size_t medium_count = 512;
  size_t large_count = 64;
};

struct MessageSlot {
  SlotHandle handle;
  SlotClass size_class = SlotClass::Small;
  bool operator==(const MessageSlot&) const = default;
};

// Octets in a slot, which may be longer.
struct StoredText {
  MessageSlot slot;
  uint32_t length = 0;
};

[[nodiscard]] size_t length_of(std::span<const std::string_view> pieces);
// Copies the pieces to the front of `out`, in one. Requires: they fit.
std::string_view join(std::span<const std::string_view> pieces, std::span<char> out);

class MessageSlots {
 public:
  [[nodiscard]] static Result<std::unique_ptr<MessageSlots>> reserve(
      const MessageSlotsOptions& options);

  // A slot of at least `length` octets; none when the classes that may serve it are empty or
  // `length` is above the largest class.
  [[nodiscard]] std::optional<MessageSlot> take(size_t length);

  // A copy of a message, in a slot that is given back like others; none where take() gives none.
  [[nodiscard]] std::optional<StoredText> store(std::span<const std::string_view> pieces);
  // Valid until its slot is given back. Requires: that is taken.
  [[nodiscard]] std::string_view text_of(const StoredText& message) const;

  // Requires: the slot is taken.
  void give_back(MessageSlot slot);

  // Another thread may use them from now on.
  void detach() {
    for (SlotPool& pool : pools_) pool.detach();
  }

  // The whole slot, valid until it is given back. Requires: the slot is taken.
  [[nodiscard]] std::span<char> octets(MessageSlot slot) const;

  [[nodiscard]] const SlotPool& pool(SlotClass size_class) const;

 private:
  MessageSlots(MemoryRegion small, MemoryRegion medium, MemoryRegion large);

  std::array<SlotPool, static_cast<size_t>(SlotClass::kCount)> pools_;
};

}  // namespace siplb::transport
