#include "transaction/table.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "base/alloc_guard.h"
#include "base/assert.h"

namespace siplb::transaction {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using Kind = Table::Found::Kind;

constexpr Instant kStart{seconds(1'000'000)};
constexpr seconds kLife{32};

// The high half chooses the bucket: keys of one bucket in a table of any size.
constexpr uint64_t key_of(uint64_t bucket, uint64_t number) {
  return bucket << 32 | number;
}

std::unique_ptr<Table> make_table(const TableOptions& options) {
  Result<std::unique_ptr<Table>> table = Table::reserve(options);
  SIPLB_ASSERT(table.has_value());
  return std::move(*table);
}

class TableTest : public testing::Test {
 protected:
  static constexpr size_t kPendingMax = 64;
  static constexpr size_t kFinishedMax = 4;

  Kind kind(uint64_t key, Instant now = kStart) { return table->find(key, now).kind; }
  // The client of the tombstone that is found, so that tests can tell one from the other.
  std::optional<uint64_t> client(uint64_t key, Instant now = kStart) {
    const Table::Found found = table->find(key, now);
    if (found.kind != Kind::Finished) return std::nullopt;
    return found.tombstone->client;
  }
  // A whole transaction, by pending number 0.
  void live_and_end(uint64_t key, Instant now = kStart, uint64_t client = 0) {
    table->add(key, 0);
    table->finish(0, {.client = client}, now);
  }
  uint64_t finished() const { return table->counters().finished.value(); }
  uint64_t evicted_early() const { return table->counters().evicted_early.value(); }

  std::unique_ptr<Table> table = make_table(
      {.pending_max = kPendingMax, .finished_max = kFinishedMax, .finished_life = kLife});
};

TEST_F(TableTest, FindsNothingWhenEmpty) {
  EXPECT_EQ(kind(0), Kind::None);
  EXPECT_EQ(kind(~uint64_t{0}), Kind::None);
}

TEST_F(TableTest, FindsAPendingOneByAllOfItsKey) {
  table->add(key_of(7, 1), 63);
  const Table::Found found = table->find(key_of(7, 1), kStart);
  EXPECT_EQ(found.kind, Kind::Pending);
  EXPECT_EQ(found.pending, 63u);
  EXPECT_EQ(kind(key_of(7, 2)), Kind::None);
  EXPECT_EQ(kind(key_of(8, 1)), Kind::None);
}

TEST_F(TableTest, PendingOnesDoNotExpire) {
  table->add(1, 0);
  EXPECT_EQ(kind(1, kStart + std::chrono::hours(24 * 365)), Kind::Pending);
}

TEST_F(TableTest, RemembersNothingOfARemovedOne) {
  table->add(1, 5);
  table->remove(5);
  EXPECT_EQ(kind(1), Kind::None);
  EXPECT_EQ(finished(), 0u);
  table->add(2, 5);
  EXPECT_EQ(kind(2), Kind::Pending);
}

TEST_F(TableTest, RemembersHowATransactionEnded) {
  table->add(42, 5);
  table->finish(5,
                {.key = 1,
                 .client = 0x0123456789abcdef,
                 .expires_at_s = 1,
                 .next = 1,
                 .server = 0xabcd,
                 .code = 486,
                 .method = sip::Method::Invite,
                 .attempt = 3,
                 .ending = Ending::Local},
                kStart);
  const Table::Found found = table->find(42, kStart);
  ASSERT_EQ(found.kind, Kind::Finished);
  const Tombstone& tombstone = *found.tombstone;
  EXPECT_EQ(tombstone.key, 42u);
  EXPECT_EQ(tombstone.client, 0x0123456789abcdefu);
  EXPECT_EQ(tombstone.server, 0xabcd);
  EXPECT_EQ(tombstone.code, 486);
  EXPECT_EQ(tombstone.method, sip::Method::Invite);
  EXPECT_EQ(tombstone.attempt, 3);
  EXPECT_EQ(tombstone.ending, Ending::Local);
  EXPECT_EQ(kind(1), Kind::None);
}

TEST_F(TableTest, KeepsWhatIsWrittenIntoATombstone) {
  live_and_end(1);
  table->find(1, kStart).tombstone->is_noted = 1;
  table->add(2, 0);
  EXPECT_EQ(table->find(1, kStart).tombstone->is_noted, 1);
}

TEST_F(TableTest, ForgetsAtTheExactSecond) {
  live_and_end(1);
  EXPECT_EQ(kind(1, kStart + kLife - nanoseconds(1)), Kind::Finished);
  EXPECT_EQ(kind(1, kStart + kLife), Kind::None);
}

TEST_F(TableTest, RoundsALifeUpToWholeSeconds) {
  live_and_end(1, kStart + nanoseconds(1));
  EXPECT_EQ(kind(1, kStart + kLife + milliseconds(999)), Kind::Finished);
  EXPECT_EQ(kind(1, kStart + kLife + seconds(1)), Kind::None);
}

TEST_F(TableTest, FullRingGivesUpItsOldestEarly) {
  for (uint64_t key = 0; key < kFinishedMax; ++key) live_and_end(key);
  EXPECT_EQ(kind(0), Kind::Finished);
  EXPECT_EQ(evicted_early(), 0u);

  live_and_end(kFinishedMax);
  EXPECT_EQ(kind(0), Kind::None);
  for (uint64_t key = 1; key <= kFinishedMax; ++key) EXPECT_EQ(kind(key), Kind::Finished) << key;
  EXPECT_EQ(finished(), kFinishedMax);
  EXPECT_EQ(evicted_early(), 1u);
}

TEST_F(TableTest, WrappedRingKeepsTheNewest) {
  for (uint64_t key = 0; key < 1000; ++key) {
    live_and_end(key);
    for (uint64_t back = 0; back < 2 * kFinishedMax && back <= key; ++back) {
      ASSERT_EQ(kind(key - back), back < kFinishedMax ? Kind::Finished : Kind::None) << key;
    }
  }
  EXPECT_EQ(finished(), kFinishedMax);
  EXPECT_EQ(evicted_early(), 1000 - kFinishedMax);
}

TEST_F(TableTest, FullRingOfTooOldOnesEvictsNobody) {
  for (uint64_t key = 0; key < kFinishedMax; ++key) live_and_end(key);
  live_and_end(kFinishedMax, kStart + kLife);
  EXPECT_EQ(kind(kFinishedMax, kStart + kLife), Kind::Finished);
  EXPECT_EQ(evicted_early(), 0u);
}

TEST_F(TableTest, EachEndFreesTwoTooOldOnesAtMost) {
  for (uint64_t key = 0; key < kFinishedMax; ++key) live_and_end(key);
  std::vector<uint64_t> counts;
  for (uint64_t key = 10; key < 14; ++key) {
    live_and_end(key, kStart + kLife);
    counts.push_back(finished());
  }
  EXPECT_EQ(counts, (std::vector<uint64_t>{3, 2, 3, 4}));
  EXPECT_EQ(evicted_early(), 0u);
}

TEST_F(TableTest, WithoutARingNothingIsRemembered) {
  table = make_table({.pending_max = 1, .finished_max = 0});
  live_and_end(1);
  EXPECT_EQ(kind(1), Kind::None);
  EXPECT_EQ(finished(), 0u);
  EXPECT_EQ(evicted_early(), 1u);
  table->add(1, 0);
  EXPECT_EQ(kind(1), Kind::Pending);
}

TEST_F(TableTest, WithRoomForNothingFindsNothing) {
  table = make_table({.pending_max = 0, .finished_max = 0});
  EXPECT_EQ(kind(0), Kind::None);
  EXPECT_EQ(kind(~uint64_t{0}), Kind::None);
  EXPECT_DEATH(table->add(1, 0), "assertion");
}

TEST_F(TableTest, FullOfPendingOnesFindsEachAndEmpties) {
  for (uint32_t i = 0; i < kPendingMax; ++i) table->add(key_of(i * 0x1234567u, i), i);
  EXPECT_EQ(table->counters().pending.value(), kPendingMax);
  for (uint32_t i = 0; i < kPendingMax; ++i) {
    EXPECT_EQ(table->find(key_of(i * 0x1234567u, i), kStart).pending, i);
    table->remove(i);
    EXPECT_EQ(kind(key_of(i * 0x1234567u, i)), Kind::None);
  }
  EXPECT_EQ(table->counters().pending.value(), 0u);
}

TEST_F(TableTest, OneBucketHoldsManyKeys) {
  constexpr uint32_t kEach = 30;
  table = make_table({.pending_max = 2 * kEach, .finished_max = kEach});
  for (uint32_t i = 0; i < kEach; ++i) live_and_end(key_of(9, 1000 + i));
  for (uint32_t i = 0; i < 2 * kEach; ++i) table->add(key_of(9, i), i);

  // From the tail, the head and the middle of the chain.
  const std::vector<uint32_t> gone = {0, 2 * kEach - 1, 1, kEach, kEach + 1, 2 * kEach - 2};
  for (const uint32_t i : gone) table->remove(i);
  live_and_end(key_of(9, 2000));

  for (uint32_t i = 0; i < 2 * kEach; ++i) {
    const bool is_gone = std::find(gone.begin(), gone.end(), i) != gone.end();
    EXPECT_EQ(kind(key_of(9, i)), is_gone ? Kind::None : Kind::Pending) << i;
  }
  EXPECT_EQ(kind(key_of(9, 1000)), Kind::None);
  for (uint32_t i = 1; i < kEach; ++i) EXPECT_EQ(kind(key_of(9, 1000 + i)), Kind::Finished) << i;
  EXPECT_EQ(kind(key_of(9, 2000)), Kind::Finished);
}

TEST_F(TableTest, PendingOneHidesTheTombstoneOfItsKey) {
  live_and_end(1, kStart, 100);
  table->add(1, 7);
  EXPECT_EQ(kind(1), Kind::Pending);
  EXPECT_EQ(kind(1, kStart + kLife), Kind::Pending);
  table->remove(7);
  EXPECT_EQ(client(1), 100u);
}

TEST_F(TableTest, NewestTombstoneOfAKeyIsFound) {
  live_and_end(1, kStart, 100);
  live_and_end(1, kStart + seconds(10), 200);
  EXPECT_EQ(client(1, kStart + seconds(10)), 200u);
  EXPECT_EQ(client(1, kStart + kLife), 200u);
  EXPECT_EQ(client(1, kStart + kLife + seconds(10)), std::nullopt);
}

TEST_F(TableTest, OlderTombstoneOfAKeyLeavesTheNewestBehind) {
  live_and_end(1, kStart, 100);
  live_and_end(1, kStart, 200);
  for (uint64_t key = 2; key < 2 + kFinishedMax - 1; ++key) live_and_end(key);
  EXPECT_EQ(evicted_early(), 1u);
  EXPECT_EQ(client(1), 200u);
  live_and_end(9);
  EXPECT_EQ(client(1), std::nullopt);
}

TEST_F(TableTest, TakingOutTwiceIsABug) {
  table->add(1, 0);
  table->remove(0);
  EXPECT_DEATH(table->remove(0), "assertion");
  EXPECT_DEATH(table->remove(kPendingMax), "assertion");
}

TEST_F(TableTest, TakesNothingFromTheHeap) {
  const uint64_t before = AllocGuard::allocations();
  AllocGuard::arm_this_thread();
  for (uint64_t key = 0; key < 3 * kFinishedMax; ++key) live_and_end(key);
  AllocGuard::disarm_this_thread();
  EXPECT_EQ(AllocGuard::allocations(), before);
}

TEST(TableMemoryTest, IsTheSumOfItsEntries) {
  const auto octets = [](size_t pending_max, size_t finished_max) {
    return Table::memory_octets({.pending_max = pending_max, .finished_max = finished_max});
  };
  EXPECT_EQ(octets(0, 0), 4u);
  EXPECT_EQ(octets(0, 1), 36u);
  EXPECT_EQ(octets(1, 0), 20u);
  EXPECT_EQ(octets(1024, 8192), 1024u * 20 + 8192u * 36);
}

TEST(TableMemoryTest, ThirtyThousandCallsPerSecondFitIn33MiB) {
  constexpr size_t kFinished = 30'000 * 32;
  const size_t octets = Table::memory_octets({.pending_max = 0, .finished_max = kFinished});
  RecordProperty("octets_per_finished", std::to_string(octets / kFinished));
  EXPECT_LE(octets, size_t{33} << 20);
}

TEST(TableMemoryTest, RefusesMoreThanItsReferencesCanName) {
  EXPECT_FALSE(Table::reserve({.pending_max = size_t{1} << 31, .finished_max = 1}).has_value());
  EXPECT_FALSE(Table::reserve({.pending_max = 1, .finished_max = ~size_t{0}}).has_value());
}

// The same by standard containers, which free what is too old at once. Few keys, so that each
// comes again and again, in very few buckets.
class Model {
 public:
  Model(uint64_t seed, const TableOptions& options)
      : random_(seed), options_(options), table_(make_table(options)) {
    for (uint32_t i = 0; i < options.pending_max; ++i) free_.push_back(i);
  }

  void step() {
    now_ += milliseconds(below(5) == 0 ? below(300) : 0);
    forget();
    const uint64_t key = key_of(below(4) << 30, below(options_.pending_max));
    const auto at = pending_.find(key);
    if (at == pending_.end() && !free_.empty()) {
      table_->add(key, free_.back());
      pending_[key] = free_.back();
      free_.pop_back();
    } else if (at != pending_.end()) {
      end(key, at->second);
      pending_.erase(at);
    }
    check(key);
    check(key_of(below(4) << 30, below(options_.pending_max)));
  }

  void check_counters() const {
    EXPECT_EQ(table_->counters().pending.value(), pending_.size());
    EXPECT_GE(table_->counters().finished.value(), ring_.size());
    EXPECT_EQ(table_->counters().evicted_early.value(), evicted_early_);
  }
  uint64_t evicted_early() const { return evicted_early_; }
  uint64_t expired() const { return expired_; }

 private:
  struct Ended {
    uint64_t key;
    uint64_t client;  // a running number: tells the newest of a key
    Instant expires_at;
  };

  uint64_t below(uint64_t limit) { return random_() % limit; }

  void end(uint64_t key, uint32_t pending) {
    free_.push_back(pending);
    if (below(4) == 0) {
      table_->remove(pending);
      return;
    }
    table_->finish(pending, {.client = ++ended_count_}, now_);
    if (ring_.size() == options_.finished_max) {
      ++evicted_early_;
      drop_oldest();
    }
    const Instant end = std::chrono::ceil<seconds>(now_ + options_.finished_life);
    ring_.push_back({key, ended_count_, end});
    newest_[key] = ended_count_;
  }

  void forget() {
    for (; !ring_.empty() && ring_.front().expires_at <= now_; ++expired_) drop_oldest();
  }

  void drop_oldest() {
    const auto newest = newest_.find(ring_.front().key);
    if (newest->second == ring_.front().client) newest_.erase(newest);
    ring_.pop_front();
  }

  void check(uint64_t key) {
    const Table::Found found = table_->find(key, now_);
    if (const auto pending = pending_.find(key); pending != pending_.end()) {
      ASSERT_EQ(found.kind, Kind::Pending);
      ASSERT_EQ(found.pending, pending->second);
    } else if (const auto newest = newest_.find(key); newest != newest_.end()) {
      ASSERT_EQ(found.kind, Kind::Finished);
      ASSERT_EQ(found.tombstone->key, key);
      ASSERT_EQ(found.tombstone->client, newest->second);
    } else {
      ASSERT_EQ(found.kind, Kind::None);
    }
  }

  std::mt19937_64 random_;
  TableOptions options_;
  std::unique_ptr<Table> table_;
  Instant now_ = kStart;
  std::vector<uint32_t> free_;
  std::unordered_map<uint64_t, uint32_t> pending_;
  std::unordered_map<uint64_t, uint64_t> newest_;
  std::deque<Ended> ring_;
  uint64_t ended_count_ = 0;
  uint64_t evicted_early_ = 0;
  uint64_t expired_ = 0;
};

// Rings that are mostly too small for what ends within a life, and rings that seldom are.
TEST(TableModelTest, DoesWhatTheModelDoes) {
  uint64_t evicted_early = 0;
  uint64_t expired = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const size_t finished_max = 1 + seed * seed / 4;
    Model model(seed,
                {.pending_max = 16, .finished_max = finished_max, .finished_life = seconds(1)});
    for (int i = 0; i < 50'000 && !testing::Test::HasFatalFailure(); ++i) model.step();
    model.check_counters();
    evicted_early += model.evicted_early();
    expired += model.expired();
  }
  EXPECT_GT(evicted_early, 10'000u);
  EXPECT_GT(expired, 10'000u);
}

}  // namespace
}  // namespace siplb::transaction
