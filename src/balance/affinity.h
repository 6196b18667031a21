// Which server a Call-ID went to: keeps retransmissions, CANCEL, the retry after 401/407 and
// dialogs without a token on their server under every policy.
//
// A fixed, set-associative table of 32-octet entries of plain data over memory that the caller owns
// (a file or memfd may carry it over a restart later): each entry has a check, a torn one is
// skipped and counted. Calls and the rest have separate quotas, so that REGISTER and OPTIONS floods
// cannot evict calls. A full set gives up its oldest entry of the same kind. Thread: one, the
// lane's worker. Bounds: the two regions given; no heap.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/counter.h"
#include "base/hash.h"
#include "base/time.h"

namespace siplb::balance {

enum class AffinityKind : uint8_t { Call, Other };

struct AffinityEntry {
  uint64_t key = 0;  // 0 = free
  uint32_t server_id = 0;
  uint32_t from_tag_hash = 0;  // of the request that made it: the initiator's
  int64_t touched_s = 0;       // seconds of the monotonic clock, last use
  uint8_t attempt = 0;         // of the branch it went out with
  AffinityKind kind = AffinityKind::Call;
  uint16_t check = 0;  // over all other fields
  uint32_t unused = 0;
};
static_assert(sizeof(AffinityEntry) == 32);

struct AffinityOptions {
  Duration call_life = std::chrono::hours(4);      // limits.call_expiry, from the last use
  Duration other_life = std::chrono::seconds(64);  // a transaction and its retry
};

struct AffinityCounters {
  Counter evicted;  // a live entry gave way
  Counter torn;     // a search met an entry whose check failed
};

class AffinityTable {
 public:
  // Requires: each region is empty or a power-of-two multiple of kWays entries. An empty region
  // stores nothing: every put is then Full.
  AffinityTable(std::span<AffinityEntry> calls, std::span<AffinityEntry> others,
                const AffinityOptions& options, AffinityCounters& counters);

  static constexpr size_t kWays = 4;  // two cache lines

  enum class [[nodiscard]] PutStatus : uint8_t{Stored, Updated, StoredEvicting, Full};

  // Never returns an expired or torn entry. The pointer lives until the next put.
  [[nodiscard]] const AffinityEntry* find(uint64_t key, Instant now) const;
  // Also restarts the entry's life.
  [[nodiscard]] const AffinityEntry* touch(uint64_t key, Instant now);
  // Requires: key != 0. An entry with the same key is overwritten, whatever its kind, so a key has
  // one entry at most. A live call stays a call: put as Other it keeps its place and its quota.
  PutStatus put(uint64_t key, uint32_t server_id, uint32_t from_tag_hash, uint8_t attempt,
                AffinityKind kind, Instant now);

  // Live entries, by counting all of them: for tests and operators.
  [[nodiscard]] size_t count_for_test(Instant now) const;

 private:
  struct Place {
    AffinityEntry* entry;
    PutStatus status;  // of what is put there
  };

  // False for free, torn and expired ones.
  [[nodiscard]] bool is_live(const AffinityEntry& entry, Instant now) const;
  [[nodiscard]] AffinityEntry* find_in(std::span<AffinityEntry> region, uint64_t key,
                                       Instant now) const;
  [[nodiscard]] AffinityEntry* find_live(uint64_t key, Instant now) const;
  // The key's own entry, else a dead one, else the oldest.
  [[nodiscard]] Place select_place(std::span<AffinityEntry> set, uint64_t key, Instant now) const;
  static void free_in(std::span<AffinityEntry> region, uint64_t key);

  std::span<AffinityEntry> calls_;
  std::span<AffinityEntry> others_;
  AffinityOptions options_;
  AffinityCounters& counters_;
};

// The key of a call as one side sees it: `sender_group` is 0 for clients, else group index + 1 made
// stable by the group's name hash. A call that spirals through us has one entry per pass. Never 0.
[[nodiscard]] uint64_t affinity_key(const HashKey& key, std::string_view call_id,
                                    uint32_t sender_group);

}  // namespace siplb::balance
