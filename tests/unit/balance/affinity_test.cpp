#include "balance/affinity.h"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sip/seal.h"

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

// Calls that are counted.

using ReserveStatus = AffinityTable::ReserveStatus;

constexpr ServerIndex kServer = 1;
constexpr ServerIndex kOtherServer = 2;

// Of the servers in these tests.
constexpr uint32_t id_of(ServerIndex server) {
  return 0xab00u + server;
}

class CallTableTest : public testing::Test {
 protected:
  static constexpr size_t kSets = 4;
  static constexpr uint32_t kTag = 7;

  static AffinityTable::Call call(uint64_t key, ServerIndex server = kServer) {
    return {.key = key, .from_tag_hash = kTag, .server_id = id_of(server)};
  }
  PutStatus put(uint64_t key, ServerIndex server = kServer, Instant now = kStart) {
    return table.put(key, id_of(server), kTag, 0, AffinityKind::Call, now);
  }
  ReserveStatus reserve(uint64_t key, ServerIndex server = kServer, uint32_t max = 0) {
    static_cast<void>(put(key, server));
    return table.reserve(call(key, server), server, max, kStart);
  }
  void make_active(uint64_t key, ServerIndex server = kServer, Instant now = kStart) {
    static_cast<void>(put(key, server, now));
    table.activate(call(key, server), server, now);
  }
  void sweep_all(Instant now) { table.sweep(calls.size(), now); }
  AffinityEntry& entry_of(uint64_t key) {
    return *std::find_if(calls.begin(), calls.end(),
                         [key](const AffinityEntry& entry) { return entry.key == key; });
  }
  void expect_counts(uint32_t reserved, uint32_t active, ServerIndex server = kServer) {
    EXPECT_EQ(counts.reserved(server), reserved);
    EXPECT_EQ(counts.active(server), active);
    EXPECT_EQ(counts.underflow_count(), 0u);
  }

  std::vector<AffinityEntry> calls = std::vector<AffinityEntry>(kSets * AffinityTable::kWays);
  std::vector<AffinityEntry> others = std::vector<AffinityEntry>(AffinityTable::kWays);
  AffinityCounters counters;
  CallCounts counts{3};
  AffinityTable table{calls, others, AffinityOptions{}, counters, &counts};
};

TEST_F(CallTableTest, CallIsReservedThenActiveThenOver) {
  EXPECT_EQ(reserve(1), ReserveStatus::Counted);
  expect_counts(1, 0);
  EXPECT_EQ(table.find(1, kStart)->call, CallState::Reserved);
  table.activate(call(1), kServer, kStart);
  expect_counts(0, 1);
  EXPECT_EQ(table.find(1, kStart)->call, CallState::Active);
  EXPECT_TRUE(table.end_call(call(1), kStart));
  expect_counts(0, 0);
  EXPECT_EQ(table.find(1, kStart)->call, CallState::Ended);
}

TEST_F(CallTableTest, CallWithoutAnEntryGoesUncounted) {
  EXPECT_EQ(table.reserve(call(1), kServer, 0, kStart), ReserveStatus::Loose);
  table.activate(call(1), kServer, kStart);
  table.end_reservation(call(1), kStart);
  EXPECT_FALSE(table.end_call(call(1), kStart));
  expect_counts(0, 0);
}

TEST_F(CallTableTest, OthersAreNeverCounted) {
  EXPECT_EQ(table.put(1, id_of(kServer), kTag, 0, AffinityKind::Other, kStart), PutStatus::Stored);
  EXPECT_EQ(table.reserve(call(1), kServer, 0, kStart), ReserveStatus::Loose);
  expect_counts(0, 0);
}

TEST_F(CallTableTest, NothingIsCountedWithoutCounts) {
  AffinityTable without(calls, others, AffinityOptions{}, counters);
  EXPECT_EQ(without.put(1, id_of(kServer), kTag, 0, AffinityKind::Call, kStart), PutStatus::Stored);
  EXPECT_EQ(without.reserve(call(1), kServer, 0, kStart), ReserveStatus::Loose);
  without.activate(call(1), kServer, kStart);
  EXPECT_TRUE(without.end_call(call(1), kStart));
  without.sweep(calls.size(), kStart);
  EXPECT_EQ(counters.miscounted.value(), 0u);
}

TEST_F(CallTableTest, FullServerTakesNoCallUntilOneIsOver) {
  EXPECT_EQ(reserve(1, kServer, 1), ReserveStatus::Counted);
  EXPECT_EQ(reserve(2, kServer, 1), ReserveStatus::Full);
  EXPECT_EQ(table.find(2, kStart)->call, CallState::Uncounted);
  EXPECT_EQ(reserve(3, kOtherServer, 1), ReserveStatus::Counted);
  table.end_reservation(call(1), kStart);
  EXPECT_EQ(reserve(2, kServer, 1), ReserveStatus::Counted);
  expect_counts(1, 0);
}

TEST_F(CallTableTest, ReservingAgainTakesNoSecondSlot) {
  EXPECT_EQ(reserve(1, kServer, 1), ReserveStatus::Counted);
  EXPECT_EQ(reserve(1, kServer, 1), ReserveStatus::Counted);
  expect_counts(1, 0);
  table.activate(call(1), kServer, kStart);
  EXPECT_EQ(reserve(1, kServer, 1), ReserveStatus::Counted);
  table.activate(call(1), kServer, kStart);
  expect_counts(0, 1);
}

// A re-INVITE that fails, or another one that is answered, changes nothing about its call.
TEST_F(CallTableTest, AReservationThatIsHandedOutStaysTaken) {
  EXPECT_EQ(reserve(1, kServer, 1), ReserveStatus::Counted);
  EXPECT_TRUE(table.hand_out_reservation(call(1), kStart));
  EXPECT_FALSE(table.hand_out_reservation(call(1), kStart));
  EXPECT_FALSE(table.has_counted_calls());
  sweep_all(kStart);
  expect_counts(1, 0);
  EXPECT_TRUE(table.take_in_reservation(call(1), kServer, kStart));
  EXPECT_FALSE(table.take_in_reservation(call(1), kServer, kStart));
  table.end_reservation(call(1), kStart);
  expect_counts(0, 0);
  EXPECT_FALSE(table.has_counted_calls());
}
TEST_F(CallTableTest, EndOfAReservationLeavesAnActiveCallAlone) {
  EXPECT_EQ(reserve(1), ReserveStatus::Counted);
  table.activate(call(1), kServer, kStart);
  table.end_reservation(call(1), kStart);
  expect_counts(0, 1);
}

TEST_F(CallTableTest, NobodyElseMovesACall) {
  EXPECT_EQ(reserve(1), ReserveStatus::Counted);
  AffinityTable::Call other_key = call(2);
  AffinityTable::Call other_caller = call(1);
  other_caller.from_tag_hash = kTag + 1;
  AffinityTable::Call other_server = call(1, kOtherServer);
  for (const AffinityTable::Call& other : {other_key, other_caller, other_server}) {
    EXPECT_EQ(table.reserve(other, kServer, 0, kStart), ReserveStatus::Loose);
    table.activate(other, kServer, kStart);
    table.end_reservation(other, kStart);
    EXPECT_FALSE(table.end_call(other, kStart));
    expect_counts(1, 0);
  }
}

TEST_F(CallTableTest, CallThatWasAnsweredCountsBeyondTheLimit) {
  EXPECT_EQ(reserve(1, kServer, 1), ReserveStatus::Counted);
  EXPECT_EQ(reserve(2, kServer, 1), ReserveStatus::Full);
  table.activate(call(2), kServer, kStart);
  expect_counts(1, 1);
}

TEST_F(CallTableTest, LateAnswerDoesNotBeginACallAgainAndANewInviteDoes) {
  EXPECT_EQ(reserve(1), ReserveStatus::Counted);
  EXPECT_TRUE(table.end_call(call(1), kStart));
  table.activate(call(1), kServer, kStart);
  expect_counts(0, 0);
  EXPECT_EQ(reserve(1), ReserveStatus::Counted);
  table.activate(call(1), kServer, kStart);
  expect_counts(0, 1);
}

TEST_F(CallTableTest, CallThatIsOverLivesAsLongAsAnOther) {
  make_active(1);
  const Instant end = kStart + hours(1);
  EXPECT_TRUE(table.end_call(call(1), end));
  EXPECT_NE(table.find(1, end + seconds(64)), nullptr);
  EXPECT_EQ(table.find(1, end + seconds(65)), nullptr);
}

TEST_F(CallTableTest, AnswerRestartsTheLifeOfACall) {
  EXPECT_EQ(reserve(1), ReserveStatus::Counted);
  table.activate(call(1), kServer, kStart + hours(3));
  EXPECT_NE(table.find(1, kStart + hours(7)), nullptr);
}

TEST_F(CallTableTest, CallThatGoesOnKeepsItsSlot) {
  make_active(1);
  EXPECT_EQ(put(1), PutStatus::Updated);
  EXPECT_EQ(table.put(1, id_of(kServer), kTag, 3, AffinityKind::Other, kStart), PutStatus::Updated);
  EXPECT_EQ(table.find(1, kStart)->call, CallState::Active);
  expect_counts(0, 1);
}

TEST_F(CallTableTest, CallThatMovesGivesItsSlotBack) {
  EXPECT_EQ(reserve(1), ReserveStatus::Counted);
  EXPECT_EQ(reserve(1, kOtherServer), ReserveStatus::Counted);
  expect_counts(0, 0, kServer);
  expect_counts(1, 0, kOtherServer);
}

TEST_F(CallTableTest, AnotherCallersCallBeginsUncounted) {
  make_active(1);
  EXPECT_EQ(table.put(1, id_of(kServer), kTag + 1, 0, AffinityKind::Call, kStart),
            PutStatus::Updated);
  EXPECT_EQ(table.find(1, kStart)->call, CallState::Uncounted);
  expect_counts(0, 0);
}

TEST_F(CallTableTest, FullSetGivesUpWhoIsOverAndElseTheSlotOfTheOldest) {
  for (uint64_t i = 1; i <= AffinityTable::kWays; ++i) {
    make_active(key_of(2, i), kServer, kStart + seconds(i));
  }
  const Instant over = kStart + seconds(10);
  EXPECT_TRUE(table.end_call(call(key_of(2, 3)), over));
  expect_counts(0, 3);
  const Instant later = over + seconds(65);
  make_active(key_of(2, 5), kServer, later);
  EXPECT_EQ(counters.evicted.value(), 0u);
  expect_counts(0, 4);
  make_active(key_of(2, 6), kOtherServer, later);
  EXPECT_EQ(counters.evicted.value(), 1u);
  expect_counts(0, 3);
  expect_counts(0, 1, kOtherServer);
  sweep_all(later);
  EXPECT_EQ(counters.miscounted.value(), 0u);
}

TEST_F(CallTableTest, ExpiredCallThatIsOverwrittenGivesItsSlotBack) {
  make_active(1);
  const Instant later = kStart + hours(5);
  EXPECT_EQ(put(1, kServer, later), PutStatus::Stored);
  EXPECT_EQ(table.find(1, later)->call, CallState::Uncounted);
  expect_counts(0, 0);
}

TEST_F(CallTableTest, SweepGivesBackOnlyWhatHasRunOut) {
  make_active(1);
  make_active(2, kServer, kStart + seconds(1));
  sweep_all(kStart + hours(4));
  expect_counts(0, 2);
  sweep_all(kStart + hours(4) + seconds(1));
  expect_counts(0, 1);
  sweep_all(kStart + hours(4) + seconds(2));
  expect_counts(0, 0);
  EXPECT_EQ(counters.miscounted.value(), 0u);
}

TEST_F(CallTableTest, SweepGivesUpReservationsThatNobodyEnds) {
  EXPECT_EQ(reserve(1), ReserveStatus::Counted);
  sweep_all(kStart + std::chrono::minutes(10));
  expect_counts(1, 0);
  const Instant late = kStart + std::chrono::minutes(10) + seconds(1);
  sweep_all(late);
  expect_counts(0, 0);
  // Its server is known as long as ever, and an answer counts it again.
  ASSERT_NE(table.find(1, late), nullptr);
  table.activate(call(1), kServer, late);
  expect_counts(0, 1);
}

TEST_F(CallTableTest, SweepGoesRoundInSlices) {
  for (uint64_t set = 0; set < kSets; ++set) {
    for (uint64_t i = 1; i <= AffinityTable::kWays; ++i) make_active(key_of(set, i));
  }
  const Instant late = kStart + hours(5);
  for (uint32_t left = 16; left > 0; left -= 3) {
    EXPECT_EQ(counts.active(kServer), left);
    table.sweep(3, late);
    if (left < 3) break;
  }
  expect_counts(0, 0);
  // The next round begins at the first entry.
  make_active(key_of(0, 1));
  table.sweep(4, late);
  expect_counts(0, 0);
  EXPECT_EQ(counters.miscounted.value(), 0u);
}

TEST_F(CallTableTest, SlotOfATornEntryComesBackWithTheNextRound) {
  make_active(key_of(0, 1));
  make_active(key_of(3, 1));
  entry_of(key_of(0, 1)).touched_s ^= 1;
  table.sweep(8, kStart);
  entry_of(key_of(3, 1)).touched_s ^= 1;
  EXPECT_EQ(put(key_of(3, 1)), PutStatus::Stored);  // It cannot say what it held.
  expect_counts(0, 2);
  table.sweep(8, kStart);
  expect_counts(0, 0);
  EXPECT_EQ(counters.miscounted.value(), 2u);
  sweep_all(kStart);
  EXPECT_EQ(counters.miscounted.value(), 2u);
}

TEST_F(CallTableTest, ChangesOnBothSidesOfTheSweepKeepTheBooksRight) {
  for (const uint64_t set : {uint64_t{0}, uint64_t{3}}) {
    for (uint64_t i = 1; i <= 3; ++i) EXPECT_EQ(reserve(key_of(set, i)), ReserveStatus::Counted);
  }
  table.sweep(8, kStart);
  for (const uint64_t set : {uint64_t{0}, uint64_t{3}}) {
    table.activate(call(key_of(set, 1)), kServer, kStart);
    table.end_reservation(call(key_of(set, 2)), kStart);
    EXPECT_EQ(reserve(key_of(set, 3), kOtherServer), ReserveStatus::Counted);
    EXPECT_EQ(reserve(key_of(set, 4)), ReserveStatus::Counted);
  }
  table.sweep(8, kStart);
  EXPECT_EQ(counters.miscounted.value(), 0u);
  expect_counts(2, 2, kServer);
  expect_counts(2, 0, kOtherServer);
}

// Else nobody would sweep it up.
TEST_F(CallTableTest, HasCountedCallsUntilATornOneIsSettledToo) {
  EXPECT_FALSE(table.has_counted_calls());
  make_active(1);
  entry_of(1).touched_s ^= 1;
  EXPECT_TRUE(table.has_counted_calls());
  sweep_all(kStart);
  EXPECT_FALSE(table.has_counted_calls());
}

TEST_F(CallTableTest, SweepOfAnEmptyTableFindsNothing) {
  AffinityTable empty({}, {}, AffinityOptions{}, counters, &counts);
  empty.sweep(100, kStart);
  sweep_all(kStart);
  EXPECT_EQ(counters.miscounted.value(), 0u);
}

// A region that an earlier process left.

Topology topology_of(std::vector<std::string> names) {
  GroupOptions group;
  group.name = "pbx";
  group.policy = Policy::RoundRobin;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string address = "10.0.0." + std::to_string(i + 1) + ":5060";
    group.servers.push_back({.name = names[i], .address = *SockAddress::parse(address)});
  }
  return Topology(std::span(&group, 1));
}

class AdoptionTest : public CallTableTest {
 protected:
  static AffinityTable::Call call_at(uint64_t key, const char* server) {
    return {.key = key, .from_tag_hash = kTag, .server_id = sip::server_id("pbx", server)};
  }
  void make_reserved(uint64_t key, const char* server, ServerIndex index) {
    const AffinityTable::Call at = call_at(key, server);
    EXPECT_EQ(table.put(key, at.server_id, kTag, 0, AffinityKind::Call, kStart), PutStatus::Stored);
    EXPECT_EQ(table.reserve(at, index, 0, kStart), ReserveStatus::Counted);
  }

  CallCounts new_counts{3};
  AffinityTable new_table{calls, others, AffinityOptions{}, counters, &new_counts};
};

TEST_F(AdoptionTest, CountsEachCallAtItsServersNewIndex) {
  make_reserved(1, "a", 0);
  make_reserved(2, "b", 1);
  table.activate(call_at(2, "b"), 1, kStart);
  make_reserved(3, "gone", 2);
  make_reserved(4, "a", 0);
  EXPECT_TRUE(table.end_call(call_at(4, "a"), kStart));

  const Topology reordered = topology_of({"new", "b", "a"});
  new_table.adopt(reordered, kStart);
  EXPECT_EQ(new_counts.calls(0), 0u);
  EXPECT_EQ(new_counts.active(1), 1u);
  EXPECT_EQ(new_counts.reserved(2), 1u);
  EXPECT_EQ(new_counts.calls(1) + new_counts.calls(2), 2u);

  new_table.activate(call_at(1, "a"), 2, kStart);
  EXPECT_TRUE(new_table.end_call(call_at(1, "a"), kStart));
  EXPECT_TRUE(new_table.end_call(call_at(2, "b"), kStart));
  EXPECT_TRUE(new_table.end_call(call_at(3, "gone"), kStart));
  for (ServerIndex server = 0; server < 3; ++server) EXPECT_EQ(new_counts.calls(server), 0u);
  new_table.sweep(calls.size(), kStart);
  EXPECT_EQ(counters.miscounted.value(), 0u);
  EXPECT_EQ(new_counts.underflow_count(), 0u);
}

TEST_F(AdoptionTest, DropsWhatIsTornOrOver) {
  make_reserved(1, "a", 0);
  table.activate(call_at(1, "a"), 0, kStart + hours(2));
  make_reserved(2, "a", 0);
  table.activate(call_at(2, "a"), 0, kStart);
  make_reserved(3, "a", 0);
  entry_of(3).attempt ^= 1;
  new_table.adopt(topology_of({"a"}), kStart + hours(5));
  EXPECT_EQ(new_counts.calls(0), 1u);
  EXPECT_EQ(new_counts.active(0), 1u);
  EXPECT_EQ(new_table.count_for_test(kStart + hours(5)), 1u);
}

TEST_F(AdoptionTest, ReservationsLastUntilTheirTimeIsOver) {
  make_reserved(1, "a", 0);
  new_table.adopt(topology_of({"a"}), kStart);
  EXPECT_EQ(new_counts.reserved(0), 1u);
  new_table.sweep(calls.size(), kStart + std::chrono::minutes(11));
  EXPECT_EQ(new_counts.reserved(0), 0u);
  EXPECT_EQ(counters.miscounted.value(), 0u);
}

// What should not be, after a crash or a fault of memory, is settled and never goes below zero.
TEST_F(AdoptionTest, RegionThatNobodyAdoptedIsSettled) {
  make_reserved(1, "a", 0);
  make_reserved(2, "a", 0);
  make_reserved(3, "a", 0);
  CallCounts one_server(1);
  AffinityTable smaller(calls, others, AffinityOptions{}, counters, &one_server);
  make_reserved(4, "b", 1);
  EXPECT_TRUE(smaller.end_call(call_at(1, "a"), kStart));
  smaller.activate(call_at(2, "a"), 0, kStart);
  EXPECT_TRUE(smaller.end_call(call_at(4, "b"), kStart));
  EXPECT_EQ(one_server.calls(0), 0u);
  smaller.sweep(calls.size(), kStart);
  EXPECT_EQ(one_server.active(0), 1u);
  EXPECT_EQ(one_server.reserved(0), 1u);
  EXPECT_EQ(counters.miscounted.value(), 2u);
  EXPECT_EQ(one_server.underflow_count(), 0u);
}

// Two lanes of full tables against a naive model: what may become of a call by each step, and that
// the counts are at all times what the entries say.
class RandomCalls {
 public:
  explicit RandomCalls(uint64_t seed) : random_(seed) {}

  void step() {
    Lane& lane = lanes_[draw(kLanes)];
    const uint64_t key = key_of(draw(4), 1 + draw(10));
    const auto server = static_cast<ServerIndex>(draw(kServers));
    const AffinityTable::Call call{key, static_cast<uint32_t>(key % 2), id_of(server)};
    const CallState before = state_of(lane, call);
    switch (draw(8)) {
      case 0: return put(lane, call, AffinityKind::Other);
      case 1: return put(lane, call, AffinityKind::Call);
      case 2:
      case 3: put(lane, call, AffinityKind::Call); return reserve(lane, call, server);
      case 4:
        if (before == CallState::Uncounted) return;  // That may go beyond the limit.
        lane.table.activate(call, server, now_);
        return expect(lane, call, before == CallState::Reserved ? CallState::Active : before);
      case 5:
        lane.table.end_reservation(call, now_);
        return expect(lane, call, before == CallState::Reserved ? CallState::Uncounted : before);
      case 6:
        if (!lane.table.end_call(call, now_)) return;
        return expect(lane, call, CallState::Ended);
      default: return pass_time(lane);
    }
  }

  void expect_books_right() const {
    for (ServerIndex server = 0; server < kServers; ++server) {
      EXPECT_EQ(counts_.reserved(server), held(server, CallState::Reserved));
      EXPECT_EQ(counts_.active(server), held(server, CallState::Active));
      EXPECT_LE(counts_.calls(server), kMaxCalls);
    }
  }

  void expect_nothing_left() {
    now_ += hours(5);
    for (Lane& lane : lanes_) {
      lane.table.sweep(lane.calls.size(), now_);
      lane.table.sweep(lane.calls.size(), now_);
      EXPECT_EQ(lane.counters.miscounted.value(), 0u);
      EXPECT_GT(lane.counters.evicted.value(), 0u);
    }
    for (ServerIndex server = 0; server < kServers; ++server) {
      EXPECT_EQ(counts_.calls(server), 0u);
    }
    EXPECT_EQ(counts_.underflow_count(), 0u);
    EXPECT_GT(full_count_, 0u);
  }

 private:
  static constexpr size_t kLanes = 2;
  static constexpr ServerIndex kServers = 3;
  static constexpr uint32_t kMaxCalls = 7;

  struct Lane {
    explicit Lane(CallCounts& counts) : table(calls, others, {}, counters, &counts) {}
    std::vector<AffinityEntry> calls = std::vector<AffinityEntry>(4 * AffinityTable::kWays);
    std::vector<AffinityEntry> others = std::vector<AffinityEntry>(AffinityTable::kWays);
    AffinityCounters counters;
    AffinityTable table;
  };

  uint64_t draw(uint64_t below) { return random_() % below; }

  // Uncounted where there is no such call.
  CallState state_of(const Lane& lane, const AffinityTable::Call& call) const {
    const AffinityEntry* entry = lane.table.find(call.key, now_);
    const bool is_this = entry != nullptr && entry->server_id == call.server_id &&
                         entry->from_tag_hash == call.from_tag_hash;
    return is_this ? entry->call : CallState::Uncounted;
  }
  void expect(const Lane& lane, const AffinityTable::Call& call, CallState state) const {
    EXPECT_EQ(state_of(lane, call), state);
  }

  // Another server's call moves here, and begins anew.
  void put(Lane& lane, const AffinityTable::Call& call, AffinityKind kind) {
    const CallState before = state_of(lane, call);
    EXPECT_NE(lane.table.put(call.key, call.server_id, call.from_tag_hash, 0, kind, now_),
              PutStatus::Full);
    expect(lane, call, before);
  }

  void reserve(Lane& lane, const AffinityTable::Call& call, ServerIndex server) {
    const CallState before = state_of(lane, call);
    const bool has_room = counts_.calls(server) < kMaxCalls;
    const ReserveStatus status = lane.table.reserve(call, server, kMaxCalls, now_);
    if (is_counted(before)) {
      EXPECT_EQ(status, ReserveStatus::Counted);
      return expect(lane, call, before);
    }
    EXPECT_EQ(status, has_room ? ReserveStatus::Counted : ReserveStatus::Full);
    expect(lane, call, has_room ? CallState::Reserved : before);
    if (!has_room) ++full_count_;
  }

  void pass_time(Lane& lane) {
    now_ += seconds(draw(100) == 0 ? draw(3600) : draw(2));
    lane.table.sweep(draw(6), now_);
  }

  uint32_t held(ServerIndex server, CallState state) const {
    uint32_t sum = 0;
    for (const Lane& lane : lanes_) {
      for (const AffinityEntry& entry : lane.calls) {
        const bool is_held = entry.key != 0 && entry.call == state && entry.slot_server == server;
        sum += is_held ? 1 : 0;
      }
    }
    return sum;
  }

  std::mt19937_64 random_;
  Instant now_ = kStart;
  CallCounts counts_{kServers};
  std::array<Lane, kLanes> lanes_{Lane(counts_), Lane(counts_)};
  uint64_t full_count_ = 0;
};

TEST(RandomCallsTest, CountsAreAlwaysWhatTheEntriesSay) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomCalls calls(seed);
    for (int i = 0; i < 50'000 && !testing::Test::HasFailure(); ++i) {
      calls.step();
      calls.expect_books_right();
    }
    calls.expect_nothing_left();
  }
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
