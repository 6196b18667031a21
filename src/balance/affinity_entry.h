// What a call table is made of: plain data in memory that may outlive the process that wrote it.
//
// A region is divided into sets of kAffinityWays entries; an entry stands in the set that its key
// names, at any place. Each has a check over all of it, which one that was torn by the end of its
// process fails.
// Thread: one, the owner of the region. Bounds: the region.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "balance/call_counts.h"

namespace siplb::balance {

inline constexpr size_t kAffinityWays = 4;  // two cache lines

enum class AffinityKind : uint8_t { Call, Other };

struct AffinityEntry {
  uint64_t key = 0;  // 0 = free
  uint32_t server_id = 0;
  uint32_t from_tag_hash = 0;  // of the request that made it: the initiator's
  int64_t touched_s = 0;       // seconds of the monotonic clock, last use
  uint8_t attempt = 0;         // of the branch it went out with
  AffinityKind kind = AffinityKind::Call;
  uint16_t check = 0;  // over all other fields
  CallState call = CallState::Uncounted;
  uint8_t unused = 0;
  ServerIndex slot_server = 0;  // whose slot a counted call has: by an index of this process
};
static_assert(sizeof(AffinityEntry) == 32);

[[nodiscard]] uint16_t check_of(AffinityEntry entry);
// It is neither free nor torn.
[[nodiscard]] bool is_whole(const AffinityEntry& entry);

// True of what is empty or a power-of-two multiple of kAffinityWays entries.
[[nodiscard]] bool is_table(std::span<const AffinityEntry> region);
// The one set where `key` may be; empty in an empty region. Requires: is_table(region).
[[nodiscard]] std::span<AffinityEntry> set_of(std::span<AffinityEntry> region, uint64_t key);

// Puts each whole entry of `from` where it is looked for in `to`, a table of another size. Where
// its set is full of newer ones, an entry is lost. Requires: is_table(to); nothing that `to` holds
// is counted yet.
void carry_over(std::span<const AffinityEntry> from, std::span<AffinityEntry> to);

}  // namespace siplb::balance
