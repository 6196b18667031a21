#include "balance/call_counts.h"

#include "base/assert.h"

namespace siplb::balance {
namespace {

// Nothing else is published by these counts: whoever reads one acts on nothing but the number.
constexpr auto kRelaxed = std::memory_order_relaxed;

struct Counts {
  uint32_t reserved;
  uint32_t active;
};

constexpr Counts unpacked(uint64_t word) {
  return {.reserved = static_cast<uint32_t>(word >> 32), .active = static_cast<uint32_t>(word)};
}

constexpr uint64_t packed(Counts counts) {
  return uint64_t{counts.reserved} << 32 | counts.active;
}

bool try_take(uint32_t& count) {
  if (count == 0) return false;
  --count;
  return true;
}

// Replaces the counts by what `change` makes of them; false where it refuses.
template <class Change>
bool try_change(std::atomic<uint64_t>& word, Change change) {
  uint64_t before = word.load(kRelaxed);
  for (;;) {
    Counts counts = unpacked(before);
    if (!change(counts)) return false;
    if (word.compare_exchange_weak(before, packed(counts), kRelaxed)) return true;
  }
}

}  // namespace

CallCounts::CallCounts(size_t server_count) : cells_(server_count) {}

size_t CallCounts::memory_octets(size_t server_count) {
  return server_count * sizeof(Cell);
}

bool CallCounts::try_reserve(ServerIndex server, uint32_t max) {
  return try_change(cells_[server].counts, [max](Counts& counts) {
    if (max != 0 && counts.reserved + counts.active >= max) return false;
    ++counts.reserved;
    return true;
  });
}

void CallCounts::activate(ServerIndex server) {
  const bool is_reserved = try_change(cells_[server].counts, [](Counts& counts) {
    if (!try_take(counts.reserved)) return false;
    ++counts.active;
    return true;
  });
  if (!is_reserved) underflows_.fetch_add(1, kRelaxed);
}

void CallCounts::add_active(ServerIndex server) {
  cells_[server].counts.fetch_add(packed({.reserved = 0, .active = 1}), kRelaxed);
}

void CallCounts::release(ServerIndex server, CallState state) {
  SIPLB_DASSERT(is_counted(state));
  const bool is_taken = try_change(cells_[server].counts, [state](Counts& counts) {
    return try_take(state == CallState::Reserved ? counts.reserved : counts.active);
  });
  if (!is_taken) underflows_.fetch_add(1, kRelaxed);
}

uint32_t CallCounts::reserved(ServerIndex server) const {
  return unpacked(cells_[server].counts.load(kRelaxed)).reserved;
}

uint32_t CallCounts::active(ServerIndex server) const {
  return unpacked(cells_[server].counts.load(kRelaxed)).active;
}

uint32_t CallCounts::calls(ServerIndex server) const {
  const Counts counts = unpacked(cells_[server].counts.load(kRelaxed));
  return counts.reserved + counts.active;
}

uint64_t CallCounts::underflow_count() const {
  return underflows_.load(kRelaxed);
}

}  // namespace siplb::balance
