#include "balance/affinity_entry.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "balance/affinity.h"
#include "sip/seal.h"

namespace siplb::balance {
namespace {

using std::chrono::seconds;
using Region = std::vector<AffinityEntry>;

constexpr Instant kStart{seconds(1'000'000)};
constexpr uint32_t kTag = 7;

// A key of a given set: sets are chosen by the high half.
constexpr uint64_t key_of(uint64_t set, uint64_t number) {
  return set << 32 | number;
}

// Calls of the servers a and b, which have these places.
struct Placed {
  ServerIndex a = 0;
  ServerIndex b = 1;
};

Topology topology_of(const Placed& places) {
  GroupOptions group{.name = "pbx", .policy = Policy::RoundRobin, .servers = {{}, {}, {}}};
  for (size_t i = 0; i < group.servers.size(); ++i) {
    group.servers[i] = {.name = i == places.a   ? "a"
                                : i == places.b ? "b"
                                                : "c",
                        .address = SockAddress::v4(0x0a000001 + static_cast<uint32_t>(i), 5060)};
  }
  return Topology(std::span(&group, 1));
}

// A table over a region, with counts of its own.
struct Books {
  explicit Books(Region& region) : table(region, {}, AffinityOptions{}, counters, &counts) {}

  void put(uint64_t key, const char* server, Instant now = kStart) {
    EXPECT_NE(table.put(key, sip::server_id("pbx", server), kTag, 0, AffinityKind::Call, now),
              AffinityTable::PutStatus::Full);
  }
  void reserve(uint64_t key, const char* server, ServerIndex index) {
    put(key, server);
    EXPECT_EQ(table.reserve({key, kTag, sip::server_id("pbx", server)}, index, 0, kStart),
              AffinityTable::ReserveStatus::Counted);
  }
  void activate(uint64_t key, const char* server, ServerIndex index) {
    put(key, server);
    table.activate({key, kTag, sip::server_id("pbx", server)}, index, kStart);
  }
  [[nodiscard]] bool has(uint64_t key) const { return table.find(key, kStart) != nullptr; }

  AffinityCounters counters;
  CallCounts counts{3};
  AffinityTable table;
};

// A process may end at any octet of what it writes.
TEST(AffinityEntryTest, HalfWrittenOneIsSkippedAndCounted) {
  Region region(4 * kAffinityWays);
  Books(region).reserve(key_of(1, 1), "a", 2);
  AffinityEntry& entry = region[kAffinityWays];
  const AffinityEntry whole = entry;
  ASSERT_TRUE(is_whole(whole));
  for (size_t written = 1; written <= sizeof whole; ++written) {
    entry = {};
    std::memcpy(&entry, &whole, written);
    const bool is_all = std::memcmp(&entry, &whole, sizeof whole) == 0;
    EXPECT_EQ(is_whole(entry), is_all) << written << " octets";
    Books after(region);
    after.table.adopt(topology_of({}), kStart);
    EXPECT_EQ(after.counts.reserved(0), is_all ? 1u : 0u) << written << " octets";
    EXPECT_EQ(after.counters.torn.value(), is_all ? 0u : 1u) << written << " octets";
    EXPECT_EQ(after.table.count_for_test(kStart), is_all ? 1u : 0u) << written << " octets";
  }
}

TEST(AffinityEntryTest, FreeOneIsNotWhole) {
  EXPECT_FALSE(is_whole({}));
  AffinityEntry free{.server_id = 1};
  free.check = check_of(free);
  EXPECT_FALSE(is_whole(free));
}

TEST(AffinityRegionTest, IsATableInPowersOfTwoOfASet) {
  for (const size_t size : {0, 4, 8, 16, 1024}) EXPECT_TRUE(is_table(Region(size))) << size;
  for (const size_t size : {1, 2, 3, 5, 12, 20, 1028}) EXPECT_FALSE(is_table(Region(size))) << size;
}

// Sixteen full sets, each entry used a second later than the one before it.
Region full_region() {
  Region region(16 * kAffinityWays);
  Books books(region);
  Instant now = kStart - seconds(100);
  for (uint64_t set = 0; set < 16; ++set) {
    for (uint64_t number = 1; number <= kAffinityWays; ++number) {
      books.put(key_of(set, number), "a", now);
      now += seconds(1);
    }
  }
  return region;
}

size_t count_found(Region& region) {
  const Books books(region);
  size_t count = 0;
  for (uint64_t set = 0; set < 16; ++set) {
    for (uint64_t number = 1; number <= kAffinityWays; ++number) {
      if (books.has(key_of(set, number))) ++count;
    }
  }
  return count;
}

TEST(CarryOverTest, FindsAllInALargerRegion) {
  Region larger(64 * kAffinityWays);
  carry_over(full_region(), larger);
  EXPECT_EQ(count_found(larger), 64u);
}

TEST(CarryOverTest, KeepsTheNewestInASmallerRegion) {
  for (const bool from_the_end : {false, true}) {
    Region full = full_region();
    if (from_the_end) std::reverse(full.begin(), full.end());
    Region smaller(4 * kAffinityWays);
    carry_over(full, smaller);
    EXPECT_EQ(count_found(smaller), smaller.size());
    const Books books(smaller);
    for (const uint64_t set : {12, 13, 14, 15}) EXPECT_TRUE(books.has(key_of(set, 1))) << set;
  }
}

TEST(CarryOverTest, LeavesOutWhatIsTorn) {
  Region full = full_region();
  full.front().attempt ^= 1;
  Region larger(64 * kAffinityWays);
  carry_over(full, larger);
  EXPECT_EQ(count_found(larger), 63u);
  EXPECT_EQ(std::count_if(larger.begin(), larger.end(), [](auto& entry) { return entry.key != 0; }),
            63);
}

TEST(CarryOverTest, OfNothingOrIntoNothingIsNothing) {
  Region region(4 * kAffinityWays);
  carry_over({}, region);
  carry_over(Region(4 * kAffinityWays), region);
  EXPECT_EQ(count_found(region), 0u);
  carry_over(full_region(), {});
}

TEST(CarryOverTest, CallsAreCountedAsTheyWere) {
  Region region(4 * kAffinityWays);
  Books before(region);
  before.reserve(key_of(2, 1), "a", 0);
  before.activate(key_of(3, 1), "b", 1);
  Region larger(64 * kAffinityWays);
  carry_over(region, larger);
  Books after(larger);
  after.table.adopt(topology_of({.a = 2, .b = 0}), kStart);
  EXPECT_EQ(after.counts.reserved(2), 1u);
  EXPECT_EQ(after.counts.active(0), 1u);
}

}  // namespace
}  // namespace siplb::balance
