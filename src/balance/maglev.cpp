#include "balance/maglev.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/assert.h"
#include "base/hash.h"

namespace siplb::balance {
namespace {

constexpr size_t kMembersMax = 4096;
constexpr size_t kSizeMin = 65'537;
constexpr size_t kEntriesPerMember = 100;
constexpr uint16_t kFree = 0xffff;
static_assert(kMembersMax <= kFree);

// Fixed for ever: all nodes and restarts must make the same tables.
constexpr uint64_t kOffsetSeed = 1;
constexpr uint64_t kSkipSeed = 2;

bool is_prime(size_t number) {
  for (size_t divisor = 2; divisor * divisor <= number; ++divisor) {
    if (number % divisor == 0) return false;
  }
  return true;
}

uint64_t hash_id(uint32_t id, uint64_t seed) {
  std::array<char, 4> octets;
  for (size_t i = 0; i < octets.size(); ++i) octets[i] = static_cast<char>(id >> (8 * i));
  return hash_octets({octets.data(), octets.size()}, seed);
}

// A member while the table is filled: its walk through all entries, and how often it may take one.
struct Claimant {
  uint16_t position = 0;
  uint32_t order = 0;  // by id: decides between equals
  uint64_t quota = 0;
  uint64_t taken = 0;
  size_t entry = 0;
  size_t skip = 0;
};

// True where `a` takes its next entry after `b`. Turn t of a member is due at (t + 1/2) / quota, so
// each member has had its share at every moment, and all quotas are used up at 1.
bool is_later(const Claimant& a, const Claimant& b) {
  const uint64_t due_a = (2 * a.taken + 1) * b.quota;
  const uint64_t due_b = (2 * b.taken + 1) * a.quota;
  return due_a != due_b ? due_a > due_b : a.order > b.order;
}

// One for each member that gets entries. Quotas are the differences of the rounded running sum of
// shares: each is off by less than one entry, and together they are exactly `size`.
std::vector<Claimant> make_claimants(std::span<const MaglevMember> members, size_t size) {
  std::vector<uint16_t> by_id(members.size());
  for (size_t i = 0; i < by_id.size(); ++i) by_id[i] = static_cast<uint16_t>(i);
  std::sort(by_id.begin(), by_id.end(), [&](uint16_t a, uint16_t b) {
    if (members[a].id != members[b].id) return members[a].id < members[b].id;
    return members[a].weight < members[b].weight;
  });

  uint64_t weight_sum = 0;
  for (const MaglevMember& member : members) weight_sum += member.weight;
  SIPLB_ASSERT(weight_sum > 0);

  std::vector<Claimant> claimants;
  claimants.reserve(members.size());
  uint64_t weight_before = 0;
  for (const uint16_t position : by_id) {
    const MaglevMember& member = members[position];
    const uint64_t begin = size * weight_before / weight_sum;
    weight_before += member.weight;
    const uint64_t end = size * weight_before / weight_sum;
    if (begin == end) continue;
    claimants.push_back({.position = position,
                         .order = static_cast<uint32_t>(claimants.size()),
                         .quota = end - begin,
                         .entry = hash_id(member.id, kOffsetSeed) % size,
                         .skip = hash_id(member.id, kSkipSeed) % (size - 1) + 1});
  }
  return claimants;
}

}  // namespace

size_t maglev_table_size(size_t members) {
  size_t size = std::max(kSizeMin, kEntriesPerMember * members);
  while (!is_prime(size)) ++size;
  return size;
}

MaglevTable::MaglevTable(std::span<const MaglevMember> members)
    : entries_(maglev_table_size(members.size()), kFree) {
  SIPLB_ASSERT(members.size() <= kMembersMax);
  std::vector<Claimant> claimants = make_claimants(members, size());
  std::make_heap(claimants.begin(), claimants.end(), is_later);
  for (size_t filled = 0; filled < size(); ++filled) {
    std::pop_heap(claimants.begin(), claimants.end(), is_later);
    Claimant& next = claimants.back();
    // The size is prime, so that every skip visits all entries.
    while (entries_[next.entry] != kFree) next.entry = (next.entry + next.skip) % size();
    entries_[next.entry] = next.position;
    ++next.taken;
    std::push_heap(claimants.begin(), claimants.end(), is_later);
  }
}

uint16_t MaglevTable::owner(uint64_t hash) const {
  return entries_[hash % entries_.size()];
}

}  // namespace siplb::balance
