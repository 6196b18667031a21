#include "base/slot_pool.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIPLB_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SIPLB_ASAN 1
#endif

#if defined(SIPLB_ASAN)
#include <sanitizer/asan_interface.h>
#endif

namespace siplb {
namespace {

void forbid([[maybe_unused]] std::span<char> octets) {
#if defined(SIPLB_ASAN)
  ASAN_POISON_MEMORY_REGION(octets.data(), octets.size());
#endif
}

void allow([[maybe_unused]] std::span<char> octets) {
#if defined(SIPLB_ASAN)
  ASAN_UNPOISON_MEMORY_REGION(octets.data(), octets.size());
#endif
}

}  // namespace

SlotPool::SlotPool(MemoryRegion region, size_t slot_size)
    : region_(std::move(region)), slot_size_(slot_size) {
  SIPLB_ASSERT(slot_size > 0 && slot_size % 64 == 0);
  const size_t count = region_.octets().size() / slot_size;
  generations_.assign(count, 0);
  free_.resize(count);
  // The first slots on top: pages of slots that are never needed are never touched.
  for (size_t i = 0; i < count; ++i) free_[i] = static_cast<uint32_t>(count - 1 - i);
  forbid(region_.octets());
}

SlotPool::~SlotPool() {
  // The address range may serve somebody else next.
  allow(region_.octets());
}

std::optional<SlotHandle> SlotPool::take() {
  thread_.check();
  if (free_.empty()) {
    counters_.refused.add();
    return std::nullopt;
  }
  const uint32_t index = free_.back();
  free_.pop_back();
  const uint64_t used = capacity() - free_.size();
  counters_.used.set(used);
  counters_.high_water.set(std::max(used, counters_.high_water.value()));
  allow(slot(index));
  return SlotHandle{index, ++generations_[index]};
}

void SlotPool::give_back(SlotHandle handle) {
  thread_.check();
  SIPLB_ASSERT(is_taken(handle));
  ++generations_[handle.index];
  free_.push_back(handle.index);
  counters_.used.set(capacity() - free_.size());
  forbid(slot(handle.index));
}

std::span<char> SlotPool::octets(SlotHandle handle) const {
  SIPLB_ASSERT(is_taken(handle));
  return slot(handle.index);
}

bool SlotPool::is_taken(SlotHandle handle) const {
  return handle.index < generations_.size() && handle.generation % 2 == 1 &&
         generations_[handle.index] == handle.generation;
}

std::span<char> SlotPool::slot(uint32_t index) const {
  return region_.octets().subspan(index * slot_size_, slot_size_);
}

}  // namespace siplb
