// Which server a Call-ID went to: keeps retransmissions, CANCEL, the retry after 401/407 and
// dialogs without a token on their server under every policy.
//
// A fixed, set-associative table of plain data (affinity_entry.h) over memory that the caller owns
// and that may outlive the process: a torn entry is skipped and counted. Calls and the rest have
// separate quotas, so that REGISTER and OPTIONS floods cannot evict calls. A full set gives up its
// oldest entry of the same kind.
//
// A call's entry also says whether it takes one of its server's call slots:
//
//                reserve             activate             end_call
//   Uncounted ─────────────> Reserved ────────> Active ──────────────> Ended
//       └───────────── activate ─────────────────┘  also from the others
// end_reservation leads from Reserved back to Uncounted. Whatever frees or overwrites a counted
// entry gives its slot back; a sweep does so for those whose time is over, and checks the books.
//
// Thread: one, the lane's worker. Bounds: the two regions and the ledger; no heap later.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "balance/affinity_entry.h"
#include "balance/call_ledger.h"
#include "base/counter.h"
#include "base/hash.h"
#include "base/time.h"

namespace siplb::balance {

struct AffinityOptions {
  Duration call_life = std::chrono::hours(4);      // limits.call_expiry, from the last use
  Duration other_life = std::chrono::seconds(64);  // a transaction and its retry; an ended call
  // When a reservation that nobody ended is given up: longer than an INVITE lives (Timer C).
  Duration reserved_life = std::chrono::minutes(10);
};

struct AffinityCounters {
  Counter evicted;     // a live entry gave way
  Counter torn;        // a search met an entry whose check failed
  Counter miscounted;  // call slots that a sweep found taken without an entry, or not taken
};

class AffinityTable {
 public:
  // Requires: each region is_table. An empty one stores nothing: every put is then Full. All are
  // borrowed; without `counts` no call is counted.
  AffinityTable(std::span<AffinityEntry> calls, std::span<AffinityEntry> others,
                const AffinityOptions& options, AffinityCounters& counters,
                CallCounts* counts = nullptr);

  static constexpr size_t kWays = kAffinityWays;

  enum class [[nodiscard]] PutStatus : uint8_t{Stored, Updated, StoredEvicting, Full};

  // Never returns an expired or torn entry. The pointer lives until the next put.
  [[nodiscard]] const AffinityEntry* find(uint64_t key, Instant now) const;
  // Also restarts the entry's life.
  [[nodiscard]] const AffinityEntry* touch(uint64_t key, Instant now);
  // Requires: key != 0. An entry with the same key is overwritten, whatever its kind, so a key has
  // one entry at most. A live call stays a call: put as Other it keeps its place and its quota. It
  // stays as counted as it is if its server and From tag are the same, else it is Uncounted.
  PutStatus put(uint64_t key, uint32_t server_id, uint32_t from_tag_hash, uint8_t attempt,
                AffinityKind kind, Instant now);

  // A call as its entry must know it: else the entry is another caller's, or the call has moved on.
  struct Call {
    uint64_t key = 0;
    uint32_t from_tag_hash = 0;
    uint32_t server_id = 0;
  };
  enum class [[nodiscard]] ReserveStatus : uint8_t{
      Counted,  // it has a slot, now or already
      Full,     // the server has `max` calls
      Loose,    // it has no entry: it goes uncounted
  };
  // Takes a slot of the call's server, which has this index. 0: no limit.
  ReserveStatus reserve(const Call& call, ServerIndex server, uint32_t max, Instant now);
  // Its INVITE ended without a 2xx: gives back what was reserved, and leaves an active call alone.
  void end_reservation(const Call& call, Instant now);
  // Its INVITE goes on to another server, but this one may answer yet: what was reserved is the
  // caller's from now on, to be taken back in or released by CallCounts. False where nothing was.
  [[nodiscard]] bool hand_out_reservation(const Call& call, Instant now);
  // The contrary. False where the call has no entry, or a slot already: it stays the caller's.
  [[nodiscard]] bool take_in_reservation(const Call& call, ServerIndex server, Instant now);
  // It was answered 2xx: it is active, beyond any limit if nothing was reserved, and its life
  // restarts. One that has ended is not begun again by a late answer.
  void activate(const Call& call, ServerIndex server, Instant now);
  // It is over: gives back what it holds; the entry lives on as long as an Other would. False where
  // there is no such call.
  bool end_call(const Call& call, Instant now);

  // Goes on through the next `entry_count` entries of calls: gives back the slots of those whose
  // time is over, and settles the books at the end of each round, where this call ends too.
  void sweep(size_t entry_count, Instant now);
  // True while some entry holds a slot: then sweeps are needed.
  [[nodiscard]] bool has_counted_calls() const { return ledger_.has_slots(); }
  // Counts what a region holds that an earlier process left; calls of servers that `topology` does
  // not have go uncounted. Requires: nothing has been counted yet.
  void adopt(const Topology& topology, Instant now);

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
  // Frees an entry, and gives back what it holds unless it is torn.
  void vacate(AffinityEntry& entry);
  void free_in(std::span<AffinityEntry> region, uint64_t key);

  [[nodiscard]] AffinityEntry* find_call(const Call& call, Instant now) const;
  // The one place that changes what an entry holds; the slot itself is the ledger's.
  void hold(AffinityEntry& entry, CallState state, ServerIndex server);
  void give_back(AffinityEntry& entry, CallState state);
  void sweep(AffinityEntry& entry, Instant now);
  void adopt(AffinityEntry& entry, ServerIndex server);

  std::span<AffinityEntry> calls_;
  std::span<AffinityEntry> others_;
  AffinityOptions options_;
  AffinityCounters& counters_;
  CallLedger ledger_;
  size_t swept_ = 0;  // entries of calls, in this round
};

// The key of a call as one side sees it: `sender_group` is 0 for clients, else group index + 1 made
// stable by the group's name hash. A call that spirals through us has one entry per pass. Never 0.
[[nodiscard]] uint64_t affinity_key(const HashKey& key, std::string_view call_id,
                                    uint32_t sender_group);

}  // namespace siplb::balance
