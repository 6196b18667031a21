#include "transaction/table.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace siplb::transaction {
namespace {

// References have 32 bits for both kinds together.
constexpr size_t kEntriesMax = (size_t{1} << 31) - 1;

// Each end adds one tombstone and frees up to two: a backlog of old ones melts without a burst.
constexpr int kFreedPerEnd = 2;

// One per entry keeps chains short; one at least, so that an empty table needs no special case.
size_t bucket_count(const TableOptions& options) {
  return std::max<size_t>(1, options.pending_max + options.finished_max);
}

// Takes `count` zeroed entries from the front of `rest`.
template <class T>
std::span<T> carve(std::span<char>& rest, size_t count) {
  T* first = reinterpret_cast<T*>(rest.data());
  rest = rest.subspan(count * sizeof(T));
  return {first, count};
}

// Whole seconds, rounded up, so that none ends before its time.
uint32_t expiry_of(Instant end) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(end.time_since_epoch());
  return static_cast<uint32_t>(seconds.count());
}

bool is_expired(const Tombstone& tombstone, Instant now) {
  return now >= Instant(std::chrono::seconds(tombstone.expires_at_s));
}

}  // namespace

Result<std::unique_ptr<Table>> Table::reserve(const TableOptions& options) {
  if (std::max(options.pending_max, options.finished_max) > kEntriesMax) {
    return plain_error(ErrorCode::MemoryReserve);
  }
  Result<MemoryRegion> region = MemoryRegion::reserve(memory_octets(options));
  if (!region) return tl::unexpected(region.error());
  return std::unique_ptr<Table>(new Table(std::move(*region), options));
}

size_t Table::memory_octets(const TableOptions& options) {
  return options.finished_max * sizeof(Tombstone) + options.pending_max * sizeof(Link) +
         bucket_count(options) * sizeof(Ref);
}

Table::Table(MemoryRegion region, const TableOptions& options)
    : region_(std::move(region)), finished_life_(options.finished_life) {
  // By falling size: each part ends where the next may begin, and no tombstone lies across two
  // cache lines.
  std::span<char> rest = region_.octets();
  ring_ = carve<Tombstone>(rest, options.finished_max);
  links_ = carve<Link>(rest, options.pending_max);
  buckets_ = carve<Ref>(rest, bucket_count(options));
  SIPLB_ASSERT(rest.empty());
}

Table::Found Table::find(uint64_t key, Instant now) {
  thread_.check();
  // The newest entry decides: a pending one came after all tombstones of its key, and where the
  // newest tombstone is too old, so are the others.
  const Ref ref = newest_of(key);
  if (ref == 0) return {};
  if (is_pending(ref)) return {.kind = Found::Kind::Pending, .pending = ref - 1};
  Tombstone& tombstone = tombstone_at(ref);
  if (is_expired(tombstone, now)) return {};
  return {.kind = Found::Kind::Finished, .tombstone = &tombstone};
}

void Table::add(uint64_t key, uint32_t pending) {
  thread_.check();
  SIPLB_ASSERT(pending < links_.size());
  SIPLB_DASSERT(newest_of(key) == 0 || !is_pending(newest_of(key)));
  const Ref ref = pending + 1;
  link_at(ref).key = key;
  put_first(key, ref);
  counters_.pending.set(counters_.pending.value() + 1);
}

void Table::remove(uint32_t pending) {
  thread_.check();
  SIPLB_ASSERT(pending < links_.size());
  const Ref ref = pending + 1;
  take_out(link_at(ref).key, ref);
  counters_.pending.set(counters_.pending.value() - 1);
}

void Table::finish(uint32_t pending, const Tombstone& tombstone, Instant now) {
  remove(pending);
  free_expired(now);
  if (finished_count_ == ring_.size()) {
    counters_.evicted_early.add();
    if (ring_.empty()) return;
    free_oldest();
  }
  const Ref ref = ring_ref((oldest_ + finished_count_) % ring_.size());
  Tombstone& kept = tombstone_at(ref);
  kept = tombstone;
  kept.key = links_[pending].key;
  kept.expires_at_s = expiry_of(now + finished_life_);
  put_first(kept.key, ref);
  counters_.finished.set(++finished_count_);
}

Table::Ref& Table::bucket_of(uint64_t key) const {
  // Scales the high half to the number of buckets, which need not be a power of two.
  return buckets_[(key >> 32) * buckets_.size() >> 32];
}

uint64_t Table::key_of(Ref ref) const {
  return is_pending(ref) ? link_at(ref).key : tombstone_at(ref).key;
}

Table::Ref& Table::next_of(Ref ref) const {
  return is_pending(ref) ? link_at(ref).next : tombstone_at(ref).next;
}

Table::Ref Table::newest_of(uint64_t key) const {
  Ref ref = bucket_of(key);
  while (ref != 0 && key_of(ref) != key) ref = next_of(ref);
  return ref;
}

void Table::put_first(uint64_t key, Ref ref) {
  Ref& first = bucket_of(key);
  next_of(ref) = first;
  first = ref;
}

void Table::take_out(uint64_t key, Ref ref) {
  Ref* at = &bucket_of(key);
  while (*at != ref) {
    SIPLB_ASSERT(*at != 0);
    at = &next_of(*at);
  }
  *at = next_of(ref);
}

void Table::free_oldest() {
  take_out(ring_[oldest_].key, ring_ref(oldest_));
  oldest_ = (oldest_ + 1) % ring_.size();
  counters_.finished.set(--finished_count_);
}

void Table::free_expired(Instant now) {
  for (int i = 0; i < kFreedPerEnd; ++i) {
    if (finished_count_ == 0 || !is_expired(ring_[oldest_], now)) return;
    free_oldest();
  }
}

}  // namespace siplb::transaction
