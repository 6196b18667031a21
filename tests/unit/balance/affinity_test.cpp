#include "balance/affinity.h"

#include <cstring>
#include <vector>

#include <gtest/gtest.h>

namespace siplb::balance {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using PutStatus = AffinityTable::PutStatus;

constexpr Instant kStart{seconds(1'000'000)};

// A key of a given set: sets are chosen by the high half.
constexpr uint64_t key_of(uint64_t set, uint64_t number) {
  return set << 32 | number;
}

class AffinityTest : public testing::Test {
 protected:
  static constexpr size_t kSets = 4;

  PutStatus put(uint64_t key, uint32_t server_id, AffinityKind kind, Instant now) {
    return table.put(key, server_id, 7, 0, kind, now);
  }
  PutStatus put_call(uint64_t key, Instant now = kStart) {
    return put(key, 1, AffinityKind::Call, now);
  }
  PutStatus put_other(uint64_t key, Instant now = kStart) {
    return put(key, 1, AffinityKind::Other, now);
  }
  bool has(uint64_t key, Instant now = kStart) const { return table.find(key, now) != nullptr; }

  std::vector<AffinityEntry> calls = std::vector<AffinityEntry>(kSets * AffinityTable::kWays);
  std::vector<AffinityEntry> others = std::vector<AffinityEntry>(AffinityTable::kWays);
  AffinityCounters counters;
  AffinityTable table{calls, others, AffinityOptions{}, counters};
};

TEST_F(AffinityTest, FindsNothingWhenEmpty) {
  EXPECT_EQ(table.find(1, kStart), nullptr);
  EXPECT_EQ(table.touch(1, kStart), nullptr);
  EXPECT_EQ(table.count_for_test(kStart), 0u);
}

TEST_F(AffinityTest, FindsWhatWasPut) {
  EXPECT_EQ(table.put(42, 0xabcd, 0x123456, 3, AffinityKind::Call, kStart), PutStatus::Stored);
  const AffinityEntry* entry = table.find(42, kStart);
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->key, 42u);
  EXPECT_EQ(entry->server_id, 0xabcdu);
  EXPECT_EQ(entry->from_tag_hash, 0x123456u);
  EXPECT_EQ(entry->attempt, 3);
  EXPECT_EQ(entry->kind, AffinityKind::Call);
  EXPECT_FALSE(has(43));
}

TEST_F(AffinityTest, SameKeyIsOverwritten) {
  EXPECT_EQ(put(42, 1, AffinityKind::Call, kStart), PutStatus::Stored);
  EXPECT_EQ(put(42, 2, AffinityKind::Call, kStart), PutStatus::Updated);
  EXPECT_EQ(table.find(42, kStart)->server_id, 2u);
  EXPECT_EQ(table.count_for_test(kStart), 1u);
}

TEST_F(AffinityTest, OtherThatBecomesACallMoves) {
  EXPECT_EQ(put(42, 1, AffinityKind::Other, kStart), PutStatus::Stored);
  EXPECT_EQ(put(42, 2, AffinityKind::Call, kStart), PutStatus::Stored);
  EXPECT_EQ(table.find(42, kStart)->server_id, 2u);
  EXPECT_EQ(table.find(42, kStart)->kind, AffinityKind::Call);
  EXPECT_EQ(table.count_for_test(kStart), 1u);
}

TEST_F(AffinityTest, LiveCallStaysACall) {
  EXPECT_EQ(put(42, 1, AffinityKind::Call, kStart), PutStatus::Stored);
  EXPECT_EQ(put(42, 2, AffinityKind::Other, kStart), PutStatus::Updated);
  EXPECT_EQ(table.find(42, kStart)->server_id, 2u);
  EXPECT_EQ(table.find(42, kStart)->kind, AffinityKind::Call);
  EXPECT_EQ(table.count_for_test(kStart), 1u);
}

TEST_F(AffinityTest, ExpiredCallMayBecomeOther) {
  EXPECT_EQ(put(42, 1, AffinityKind::Call, kStart), PutStatus::Stored);
  const Instant later = kStart + hours(5);
  EXPECT_EQ(put(42, 2, AffinityKind::Other, later), PutStatus::Stored);
  EXPECT_EQ(table.find(42, later)->kind, AffinityKind::Other);
  EXPECT_EQ(table.count_for_test(later), 1u);
}

TEST_F(AffinityTest, EntriesLiveExactlyTheirKindsLife) {
  EXPECT_EQ(put_call(1), PutStatus::Stored);
  EXPECT_EQ(put_other(2), PutStatus::Stored);
  EXPECT_TRUE(has(2, kStart + seconds(64)));
  EXPECT_FALSE(has(2, kStart + seconds(65)));
  EXPECT_TRUE(has(1, kStart + hours(4)));
  EXPECT_FALSE(has(1, kStart + hours(4) + seconds(1)));
}

TEST_F(AffinityTest, TouchRestartsTheLifeAndFindDoesNot) {
  EXPECT_EQ(put_other(1), PutStatus::Stored);
  EXPECT_EQ(put_other(2), PutStatus::Stored);
  const Instant half = kStart + seconds(40);
  EXPECT_NE(table.touch(1, half), nullptr);
  EXPECT_NE(table.find(2, half), nullptr);
  EXPECT_TRUE(has(1, kStart + seconds(80)));
  EXPECT_FALSE(has(2, kStart + seconds(80)));
  EXPECT_EQ(table.touch(2, kStart + seconds(80)), nullptr);
}

TEST_F(AffinityTest, FullSetGivesUpItsOldest) {
  for (uint64_t i = 1; i <= AffinityTable::kWays; ++i) {
    EXPECT_EQ(put_call(key_of(2, i), kStart + seconds(i)), PutStatus::Stored);
  }
  const Instant later = kStart + seconds(10);
  EXPECT_NE(table.touch(key_of(2, 1), later), nullptr);
  EXPECT_EQ(put_call(key_of(2, 5), later), PutStatus::StoredEvicting);
  EXPECT_EQ(counters.evicted.value(), 1u);
  EXPECT_TRUE(has(key_of(2, 1), later));
  EXPECT_FALSE(has(key_of(2, 2), later));
  EXPECT_TRUE(has(key_of(2, 5), later));
  EXPECT_EQ(table.count_for_test(later), AffinityTable::kWays);
}

TEST_F(AffinityTest, FullSetGivesUpTheExpiredBeforeTheLive) {
  const Instant later = kStart + hours(3);
  EXPECT_EQ(put_call(key_of(1, 1), later), PutStatus::Stored);
  EXPECT_EQ(put_call(key_of(1, 2), kStart), PutStatus::Stored);
  EXPECT_EQ(put_call(key_of(1, 3), later), PutStatus::Stored);
  EXPECT_EQ(put_call(key_of(1, 4), later), PutStatus::Stored);
  const Instant after_one_expired = kStart + hours(5);
  EXPECT_EQ(put_call(key_of(1, 5), after_one_expired), PutStatus::Stored);
  EXPECT_EQ(counters.evicted.value(), 0u);
  EXPECT_EQ(table.count_for_test(after_one_expired), AffinityTable::kWays);
}

TEST_F(AffinityTest, FullTableGoesOnWithTheNewestOfEachSet) {
  constexpr uint64_t kRounds = 3 * AffinityTable::kWays;
  for (uint64_t round = 1; round <= kRounds; ++round) {
    for (uint64_t set = 0; set < kSets; ++set) {
      const bool full = round > AffinityTable::kWays;
      EXPECT_EQ(put_call(key_of(set, round), kStart + seconds(round)),
                full ? PutStatus::StoredEvicting : PutStatus::Stored);
    }
  }
  const Instant end = kStart + seconds(kRounds);
  for (uint64_t set = 0; set < kSets; ++set) {
    for (uint64_t round = 1; round <= kRounds; ++round) {
      EXPECT_EQ(has(key_of(set, round), end), round > kRounds - AffinityTable::kWays);
    }
  }
  EXPECT_EQ(table.count_for_test(end), calls.size());
  EXPECT_EQ(counters.evicted.value(), (kRounds - AffinityTable::kWays) * kSets);
}

TEST_F(AffinityTest, FloodOfOthersEvictsNoCall) {
  for (uint64_t i = 1; i <= AffinityTable::kWays; ++i) {
    EXPECT_EQ(put_call(key_of(0, i)), PutStatus::Stored);
  }
  for (uint64_t i = 0; i < 1000; ++i) static_cast<void>(put_other(key_of(i, 100 + i)));
  for (uint64_t i = 1; i <= AffinityTable::kWays; ++i) EXPECT_TRUE(has(key_of(0, i)));
  EXPECT_EQ(counters.evicted.value(), 1000 - others.size());
}

TEST_F(AffinityTest, KeysThatShareTheirLowHalfSpreadOverAllSets) {
  for (uint64_t set = 0; set < calls.size(); ++set) {
    EXPECT_EQ(put_call(key_of(set, 9)), PutStatus::Stored);
  }
  EXPECT_EQ(table.count_for_test(kStart), calls.size());
}

TEST_F(AffinityTest, TornEntryIsSkippedCountedAndReplaced) {
  const std::vector<AffinityEntry> pristine = calls;
  for (size_t octet = 0; octet < sizeof(AffinityEntry); ++octet) {
    calls = pristine;
    ASSERT_EQ(put_call(key_of(0, 0x0101010101)), PutStatus::Stored);
    for (AffinityEntry& entry : calls) {
      if (entry.key == 0) continue;
      auto* octets = reinterpret_cast<unsigned char*>(&entry);
      octets[octet] ^= 0x10;
    }
    const uint64_t torn_before = counters.torn.value();
    EXPECT_FALSE(has(key_of(0, 0x0101010101))) << "octet " << octet;
    EXPECT_EQ(table.count_for_test(kStart), 0u) << "octet " << octet;
    EXPECT_GT(counters.torn.value(), torn_before) << "octet " << octet;
    EXPECT_EQ(put_call(key_of(0, 0x0101010101)), PutStatus::Stored) << "octet " << octet;
    EXPECT_TRUE(has(key_of(0, 0x0101010101))) << "octet " << octet;
  }
}

TEST(AffinityRegionTest, EmptyRegionsStoreNothing) {
  AffinityCounters counters;
  AffinityTable table({}, {}, AffinityOptions{}, counters);
  EXPECT_EQ(table.put(1, 1, 1, 0, AffinityKind::Call, kStart), PutStatus::Full);
  EXPECT_EQ(table.put(1, 1, 1, 0, AffinityKind::Other, kStart), PutStatus::Full);
  EXPECT_EQ(table.find(1, kStart), nullptr);
  EXPECT_EQ(table.count_for_test(kStart), 0u);
}

TEST(AffinityRegionTest, PutThatFindsNoRoomForItsKindChangesNothing) {
  std::vector<AffinityEntry> others(AffinityTable::kWays);
  AffinityCounters counters;
  AffinityTable table({}, others, AffinityOptions{}, counters);
  EXPECT_EQ(table.put(1, 5, 1, 0, AffinityKind::Other, kStart), PutStatus::Stored);
  EXPECT_EQ(table.put(1, 6, 1, 0, AffinityKind::Call, kStart), PutStatus::Full);
  EXPECT_EQ(table.find(1, kStart)->server_id, 5u);
}

TEST(AffinityRegionTest, OneSetTakesKeysOfAllHashes) {
  std::vector<AffinityEntry> calls(AffinityTable::kWays);
  AffinityCounters counters;
  AffinityTable table(calls, {}, AffinityOptions{}, counters);
  for (uint64_t i = 1; i <= AffinityTable::kWays; ++i) {
    EXPECT_EQ(table.put(i * 0x9e3779b97f4a7c15, 1, 1, 0, AffinityKind::Call, kStart),
              PutStatus::Stored);
  }
  EXPECT_EQ(table.put(99, 1, 1, 0, AffinityKind::Call, kStart), PutStatus::StoredEvicting);
}

TEST(AffinityRegionTest, LivesShorterThanASecondLastAtLeastSoLong) {
  std::vector<AffinityEntry> others(AffinityTable::kWays);
  AffinityCounters counters;
  const AffinityOptions options{.other_life = std::chrono::milliseconds(1500)};
  AffinityTable table({}, others, options, counters);
  const Instant late_in_second = kStart + std::chrono::milliseconds(999);
  EXPECT_EQ(table.put(1, 1, 1, 0, AffinityKind::Other, late_in_second), PutStatus::Stored);
  EXPECT_NE(table.find(1, late_in_second + std::chrono::milliseconds(1500)), nullptr);
  EXPECT_EQ(table.find(1, late_in_second + seconds(3)), nullptr);
}

TEST(AffinityKeyTest, DependsOnEveryPart) {
  const HashKey key{{1}};
  const uint64_t base = affinity_key(key, "a84b4c76e66710@pc33", 0);
  EXPECT_EQ(affinity_key(key, "a84b4c76e66710@pc33", 0), base);
  EXPECT_NE(affinity_key(HashKey{{2}}, "a84b4c76e66710@pc33", 0), base);
  EXPECT_NE(affinity_key(key, "A84b4c76e66710@pc33", 0), base);
  EXPECT_NE(affinity_key(key, "a84b4c76e66710@pc33", 1), base);
}

}  // namespace
}  // namespace siplb::balance
