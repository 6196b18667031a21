// Finds the transaction of a message: one index over those under way and those that have ended.
//
// Under way ("pending") is a number below pending_max, whose record somebody else keeps. An ended
// one is a tombstone of 32 octets. All tombstones live equally long, so they are a ring in order of
// their ends, without timers: what is too old is passed over and freed when its turn comes. A full
// ring gives up its oldest early, counted.
// The key is 64 bits of the branch hash, secret and keyed, so nobody can aim at a bucket; it is the
// same for all attempts, for INVITE, its CANCEL and the ACK to a non-2xx.
// Memory, all in one region: per ended one its 32 octets, per pending one 16, and for each of both
// a bucket of 4. So 960,000 ended ones (30,000 calls/s for 32 s) take 33 MiB.
// Thread: one, the lane's worker. Bounds: TableOptions; no heap after reserve().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/counter.h"
#include "base/memory_region.h"
#include "base/result.h"
#include "base/thread_checker.h"
#include "base/time.h"
#include "sip/method.h"

namespace siplb::transaction {

enum class Ending : uint8_t {
  Answered,  // a response from upstream or downstream was the last word
  Local,     // one of our own was
  Silent,    // nothing was ever answered (a non-INVITE, RFC 4320)
};

// What is remembered of an ended transaction.
struct Tombstone {
  uint64_t key = 0;           // set by the table
  uint64_t client = 0;        // whom its responses go to: a hash of the flow, made by the caller
  uint32_t expires_at_s = 0;  // of the monotonic clock; set by the table
  uint32_t next = 0;          // in its bucket; the table's
  uint16_t server = 0;        // the one that answered, as its user numbers them
  uint16_t code = 0;          // of the final response; 0 = none
  sip::Method method = sip::Method::Other;
  uint8_t attempt = 0;  // of the branch, of that server
  Ending ending = Ending::Answered;
  uint8_t is_noted = 0;  // INVITE: the ACK to its non-2xx, or a further 2xx, has been seen
};
static_assert(sizeof(Tombstone) == 32);

struct TableOptions {
  size_t pending_max = 1024;   // both below 2^31
  size_t finished_max = 8192;  // 0: nothing is remembered
  Duration finished_life = std::chrono::seconds(32);
};

struct TableCounters {
  Counter pending;        // now
  Counter finished;       // now in the ring, also those too old
  Counter evicted_early;  // gave way before their time, or found no ring at all
};

class Table {
 public:
  // ErrorCode::MemoryReserve where the system gives none, or the options ask for too much.
  [[nodiscard]] static Result<std::unique_ptr<Table>> reserve(const TableOptions& options);
  // All that reserve() sets aside for transactions.
  [[nodiscard]] static size_t memory_octets(const TableOptions& options);

  struct Found {
    enum class Kind : uint8_t { None, Pending, Finished };
    Kind kind = Kind::None;
    uint32_t pending = 0;            // with Pending
    Tombstone* tombstone = nullptr;  // with Finished: until the next finish()
  };
  // A key may come again: the pending one is found first, then the newest tombstone, and never one
  // that is too old.
  [[nodiscard]] Found find(uint64_t key, Instant now);

  // Requires: pending < pending_max and is not in the table; find(key) gives no Pending.
  void add(uint64_t key, uint32_t pending);
  // Takes a pending one out; nothing is remembered of it. Requires: it is in the table.
  void remove(uint32_t pending);
  // The same, leaving `tombstone` (its key, expires_at_s and next are set here).
  void finish(uint32_t pending, const Tombstone& tombstone, Instant now);

  [[nodiscard]] const TableCounters& counters() const { return counters_; }

 private:
  // An entry as buckets and chains name it: 1 + its number, where the pending ones come first and
  // the slots of the ring follow. 0 is none, so zeroed memory is an empty table.
  using Ref = uint32_t;

  struct Link {
    uint64_t key;
    Ref next;
  };

  Table(MemoryRegion region, const TableOptions& options);

  [[nodiscard]] bool is_pending(Ref ref) const { return ref <= links_.size(); }
  [[nodiscard]] Link& link_at(Ref ref) const { return links_[ref - 1]; }
  [[nodiscard]] Tombstone& tombstone_at(Ref ref) const { return ring_[ref - 1 - links_.size()]; }
  [[nodiscard]] Ref ring_ref(size_t slot) const {
    return static_cast<Ref>(links_.size() + slot + 1);
  }

  [[nodiscard]] Ref& bucket_of(uint64_t key) const;
  [[nodiscard]] uint64_t key_of(Ref ref) const;
  [[nodiscard]] Ref& next_of(Ref ref) const;
  // The newest entry of that key; 0 = none.
  [[nodiscard]] Ref newest_of(uint64_t key) const;
  void put_first(uint64_t key, Ref ref);
  // Requires: `ref` is in the chain of `key`.
  void take_out(uint64_t key, Ref ref);

  // Requires: the ring is not empty.
  void free_oldest();
  void free_expired(Instant now);

  MemoryRegion region_;
  std::span<Tombstone> ring_;
  std::span<Link> links_;  // by the number of the pending one
  std::span<Ref> buckets_;
  Duration finished_life_;
  size_t oldest_ = 0;  // slot of the ring
  size_t finished_count_ = 0;
  TableCounters counters_;
  ThreadChecker thread_;
};

}  // namespace siplb::transaction
