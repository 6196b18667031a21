#include "balance/affinity.h"

#include <algorithm>
#include <limits>

#include "base/assert.h"

namespace siplb::balance {
namespace {

constexpr int64_t kLongAgo = std::numeric_limits<int64_t>::min();

int64_t seconds_of(Instant now) {
  return std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
}

// Rounded up, so that nothing ends before its time.
bool is_within(Duration life, const AffinityEntry& entry, Instant now) {
  return seconds_of(now) - entry.touched_s <= std::chrono::ceil<std::chrono::seconds>(life).count();
}

}  // namespace

AffinityTable::AffinityTable(std::span<AffinityEntry> calls, std::span<AffinityEntry> others,
                             const AffinityOptions& options, AffinityCounters& counters,
                             CallCounts* counts)
    : calls_(calls), others_(others), options_(options), counters_(counters), ledger_(counts) {
  SIPLB_ASSERT(is_table(calls));
  SIPLB_ASSERT(is_table(others));
}

bool AffinityTable::is_live(const AffinityEntry& entry, Instant now) const {
  if (entry.key == 0) return false;
  if (!is_whole(entry)) {
    counters_.torn.add();
    return false;
  }
  const bool may_go_on = entry.kind == AffinityKind::Call && entry.call != CallState::Ended;
  return is_within(may_go_on ? options_.call_life : options_.other_life, entry, now);
}

AffinityEntry* AffinityTable::find_in(std::span<AffinityEntry> region, uint64_t key,
                                      Instant now) const {
  for (AffinityEntry& entry : set_of(region, key)) {
    if (entry.key == key && is_live(entry, now)) return &entry;
  }
  return nullptr;
}

AffinityEntry* AffinityTable::find_live(uint64_t key, Instant now) const {
  AffinityEntry* call = find_in(calls_, key, now);
  return call != nullptr ? call : find_in(others_, key, now);
}

const AffinityEntry* AffinityTable::find(uint64_t key, Instant now) const {
  return find_live(key, now);
}

const AffinityEntry* AffinityTable::touch(uint64_t key, Instant now) {
  AffinityEntry* entry = find_live(key, now);
  if (entry == nullptr) return nullptr;
  entry->touched_s = seconds_of(now);
  entry->check = check_of(*entry);
  return entry;
}

AffinityTable::PutStatus AffinityTable::put(uint64_t key, uint32_t server_id,
                                            uint32_t from_tag_hash, uint8_t attempt,
                                            AffinityKind kind, Instant now) {
  SIPLB_DASSERT(key != 0);
  if (find_in(calls_, key, now) != nullptr) kind = AffinityKind::Call;
  const bool is_call = kind == AffinityKind::Call;
  const std::span<AffinityEntry> set = set_of(is_call ? calls_ : others_, key);
  if (set.empty()) return PutStatus::Full;
  if (is_call) free_in(others_, key);

  const Place place = select_place(set, key, now);
  if (place.status == PutStatus::StoredEvicting) counters_.evicted.add();
  const bool goes_on = place.status == PutStatus::Updated && place.entry->server_id == server_id &&
                       place.entry->from_tag_hash == from_tag_hash;
  if (!goes_on) vacate(*place.entry);
  *place.entry = {.key = key,
                  .server_id = server_id,
                  .from_tag_hash = from_tag_hash,
                  .touched_s = seconds_of(now),
                  .attempt = attempt,
                  .kind = kind,
                  .call = place.entry->call,
                  .slot_server = place.entry->slot_server};
  place.entry->check = check_of(*place.entry);
  return place.status;
}

AffinityTable::Place AffinityTable::select_place(std::span<AffinityEntry> set, uint64_t key,
                                                 Instant now) const {
  AffinityEntry* oldest = nullptr;
  int64_t oldest_touched_s = 0;
  for (AffinityEntry& entry : set) {
    const bool live = is_live(entry, now);
    if (entry.key == key) return {&entry, live ? PutStatus::Updated : PutStatus::Stored};
    const int64_t touched_s = live ? entry.touched_s : kLongAgo;
    if (oldest == nullptr || touched_s < oldest_touched_s) {
      oldest = &entry;
      oldest_touched_s = touched_s;
    }
  }
  return {oldest, oldest_touched_s == kLongAgo ? PutStatus::Stored : PutStatus::StoredEvicting};
}

void AffinityTable::vacate(AffinityEntry& entry) {
  if (is_whole(entry)) give_back(entry, CallState::Uncounted);
  entry = {};
}

void AffinityTable::free_in(std::span<AffinityEntry> region, uint64_t key) {
  for (AffinityEntry& entry : set_of(region, key)) {
    if (entry.key == key) vacate(entry);
  }
}

AffinityTable::ReserveStatus AffinityTable::reserve(const Call& call, ServerIndex server,
                                                    uint32_t max, Instant now) {
  AffinityEntry* entry = find_call(call, now);
  if (entry == nullptr || !ledger_.knows(server)) return ReserveStatus::Loose;
  if (is_counted(entry->call)) return ReserveStatus::Counted;
  if (!ledger_.try_reserve(server, max)) return ReserveStatus::Full;
  hold(*entry, CallState::Reserved, server);
  return ReserveStatus::Counted;
}

void AffinityTable::end_reservation(const Call& call, Instant now) {
  AffinityEntry* entry = find_call(call, now);
  if (entry == nullptr || entry->call != CallState::Reserved) return;
  give_back(*entry, CallState::Uncounted);
}

bool AffinityTable::hand_out_reservation(const Call& call, Instant now) {
  AffinityEntry* entry = find_call(call, now);
  if (entry == nullptr || entry->call != CallState::Reserved) return false;
  ledger_.hand_out(entry->slot_server);
  hold(*entry, CallState::Uncounted, 0);
  return true;
}

bool AffinityTable::take_in_reservation(const Call& call, ServerIndex server, Instant now) {
  AffinityEntry* entry = find_call(call, now);
  if (entry == nullptr || is_counted(entry->call) || !ledger_.knows(server)) return false;
  ledger_.take_in(server);
  hold(*entry, CallState::Reserved, server);
  return true;
}

void AffinityTable::activate(const Call& call, ServerIndex server, Instant now) {
  AffinityEntry* entry = find_call(call, now);
  if (entry == nullptr || entry->call == CallState::Ended) return;
  const bool has_slot = is_counted(entry->call);
  const ServerIndex slot_server = has_slot ? entry->slot_server : server;
  if (!has_slot) ledger_.add(slot_server, CallState::Active);
  if (entry->call == CallState::Reserved) ledger_.activate(slot_server);
  entry->touched_s = seconds_of(now);
  hold(*entry, CallState::Active, slot_server);
}

bool AffinityTable::end_call(const Call& call, Instant now) {
  AffinityEntry* entry = find_call(call, now);
  if (entry == nullptr) return false;
  entry->touched_s = seconds_of(now);
  give_back(*entry, CallState::Ended);
  return true;
}

AffinityEntry* AffinityTable::find_call(const Call& call, Instant now) const {
  AffinityEntry* entry = find_in(calls_, call.key, now);
  const bool is_this = entry != nullptr && entry->server_id == call.server_id &&
                       entry->from_tag_hash == call.from_tag_hash;
  return is_this ? entry : nullptr;
}

void AffinityTable::hold(AffinityEntry& entry, CallState state, ServerIndex server) {
  // What the sweep has yet to come to, it tallies then.
  if (&entry < calls_.data() + swept_) {
    ledger_.untally(entry.slot_server, entry.call);
    ledger_.tally(server, state);
  }
  entry.call = state;
  entry.slot_server = server;
  entry.check = check_of(entry);
}

void AffinityTable::give_back(AffinityEntry& entry, CallState state) {
  if (is_counted(entry.call)) ledger_.release(entry.slot_server, entry.call);
  hold(entry, state, 0);
}

void AffinityTable::sweep(size_t entry_count, Instant now) {
  const size_t end = swept_ + std::min(entry_count, calls_.size() - swept_);
  for (; swept_ < end; ++swept_) sweep(calls_[swept_], now);
  if (swept_ < calls_.size()) return;
  counters_.miscounted.add(ledger_.settle());
  swept_ = 0;
}

void AffinityTable::sweep(AffinityEntry& entry, Instant now) {
  if (entry.key == 0) return;
  if (!is_live(entry, now)) return vacate(entry);
  if (entry.call == CallState::Reserved && !is_within(options_.reserved_life, entry, now)) {
    give_back(entry, CallState::Uncounted);
  }
  ledger_.tally(entry.slot_server, entry.call);
}

void AffinityTable::adopt(const Topology& topology, Instant now) {
  for (AffinityEntry& entry : calls_) {
    if (entry.key == 0) continue;
    if (is_live(entry, now)) {
      adopt(entry, topology.find_by_id(entry.server_id));
    } else {
      entry = {};  // It holds nothing here yet.
    }
  }
}

void AffinityTable::adopt(AffinityEntry& entry, ServerIndex server) {
  if (!is_counted(entry.call)) return;
  if (ledger_.knows(server)) {
    ledger_.add(server, entry.call);
    hold(entry, entry.call, server);
  } else {
    hold(entry, CallState::Uncounted, 0);
  }
}

size_t AffinityTable::count_for_test(Instant now) const {
  const auto live = [&](const AffinityEntry& entry) { return is_live(entry, now); };
  return static_cast<size_t>(std::count_if(calls_.begin(), calls_.end(), live) +
                             std::count_if(others_.begin(), others_.end(), live));
}

uint64_t affinity_key(const HashKey& key, std::string_view call_id, uint32_t sender_group) {
  const uint64_t hash =
      KeyedHash(key, HashPurpose::Affinity).add(call_id).add_number(sender_group).digest64();
  return hash != 0 ? hash : 1;
}

}  // namespace siplb::balance
