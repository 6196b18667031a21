// Slots of one size from one reserved region, named by handles instead of pointers.
//
// A handle carries the generation of its slot, so a handle kept too long is caught instead of
// reading somebody else's octets. The slot given back last is taken first: it is warm. Under
// AddressSanitizer free slots are poisoned.
// Thread: one; the counters may be read by any. Bounds: the slots that fit the region; empty is an
// ordinary answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/counter.h"
#include "base/memory_region.h"
#include "base/thread_checker.h"

namespace siplb {

struct SlotHandle {
  uint32_t index = 0;
  uint32_t generation = 0;  // odd while the slot is taken: a default handle names nothing
  bool operator==(const SlotHandle&) const = default;
};

struct SlotPoolCounters {
  Counter used;        // slots out now
  Counter high_water;  // the most that were ever out
  Counter refused;     // takes that found the pool empty
};

class SlotPool {
 public:
  // Requires: slot_size is a positive multiple of 64.
  SlotPool(MemoryRegion region, size_t slot_size);
  ~SlotPool();
  SlotPool(const SlotPool&) = delete;
  SlotPool& operator=(const SlotPool&) = delete;

  // Empty when all slots are out. The octets hold whatever they held before.
  [[nodiscard]] std::optional<SlotHandle> take();

  // Requires: is_taken(handle). The handle and all views of the slot are void afterwards.
  void give_back(SlotHandle handle);

  // Another thread may use it from now on.
  void detach() { thread_.detach(); }

  // The whole slot, valid until it is given back. Requires: is_taken(handle).
  [[nodiscard]] std::span<char> octets(SlotHandle handle) const;

  [[nodiscard]] bool is_taken(SlotHandle handle) const;
  [[nodiscard]] size_t slot_size() const { return slot_size_; }
  [[nodiscard]] size_t capacity() const { return generations_.size(); }
  [[nodiscard]] size_t free_count() const { return free_.size(); }
  [[nodiscard]] const SlotPoolCounters& counters() const { return counters_; }

 private:
  [[nodiscard]] std::span<char> slot(uint32_t index) const;

  MemoryRegion region_;
  size_t slot_size_;
  std::vector<uint32_t> generations_;
  std::vector<uint32_t> free_;  // a stack
  SlotPoolCounters counters_;
  ThreadChecker thread_;
};

}  // namespace siplb
