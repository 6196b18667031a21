#include "balance/maglev.h"

#include <cmath>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace siplb::balance {
namespace {

constexpr size_t kKeys = 1'000'000;

// Ids as spread out as those of real servers.
std::vector<MaglevMember> members_with(const std::vector<uint32_t>& weights) {
  std::vector<MaglevMember> members;
  for (size_t i = 0; i < weights.size(); ++i) {
    const auto id = static_cast<uint32_t>(hash_octets("edge/server-" + std::to_string(i)));
    members.push_back({.id = id, .weight = weights[i]});
  }
  return members;
}

std::vector<MaglevMember> equal_members(size_t count) {
  return members_with(std::vector<uint32_t>(count, 100));
}

const std::vector<uint64_t>& key_hashes() {
  static const std::vector<uint64_t> hashes = [] {
    std::vector<uint64_t> made;
    for (size_t key = 0; key < kKeys; ++key) {
      made.push_back(hash_octets("call-" + std::to_string(key) + "@198.51.100.7"));
    }
    return made;
  }();
  return hashes;
}

std::vector<size_t> count_entries(const MaglevTable& table, size_t member_count) {
  std::vector<size_t> counts(member_count);
  for (size_t entry = 0; entry < table.size(); ++entry) ++counts[table.owner(entry)];
  return counts;
}

std::vector<size_t> count_keys(const MaglevTable& table, size_t member_count) {
  std::vector<size_t> counts(member_count);
  for (const uint64_t hash : key_hashes()) ++counts[table.owner(hash)];
  return counts;
}

double weight_sum(const std::vector<MaglevMember>& members) {
  return std::accumulate(
      members.begin(), members.end(), 0.0,
      [](double sum, const MaglevMember& member) { return sum + member.weight; });
}

// How far member i's share of the keys is from its share of the weights, relative to the latter.
std::vector<double> share_errors(const std::vector<MaglevMember>& members) {
  const std::vector<size_t> counts = count_keys(MaglevTable(members), members.size());
  std::vector<double> errors;
  for (size_t i = 0; i < members.size(); ++i) {
    const double expected = kKeys * members[i].weight / weight_sum(members);
    errors.push_back(static_cast<double>(counts[i]) / expected - 1);
    std::printf("weight %4u: %6zu keys, %+.2f %%\n", members[i].weight, counts[i],
                100 * errors.back());
  }
  return errors;
}

// The share of keys that do not stay when `members` loses the one at `removed`; the keys that it
// had move by necessity and are counted too.
double moved_by_removal(const std::vector<MaglevMember>& members, size_t removed) {
  std::vector<MaglevMember> rest = members;
  rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(removed));
  const MaglevTable before(members);
  const MaglevTable after(rest);
  size_t moved = 0;
  for (const uint64_t hash : key_hashes()) {
    moved += members[before.owner(hash)].id != rest[after.owner(hash)].id;
  }
  return static_cast<double>(moved) / kKeys;
}

TEST(MaglevTest, SizeIsTheFirstPrimeAboveItsMinimum) {
  EXPECT_EQ(maglev_table_size(1), 65'537u);
  EXPECT_EQ(maglev_table_size(655), 65'537u);
  EXPECT_EQ(maglev_table_size(656), 65'609u);
  EXPECT_EQ(maglev_table_size(1000), 100'003u);
  EXPECT_EQ(maglev_table_size(4096), 409'609u);
  EXPECT_EQ(MaglevTable(equal_members(656)).size(), 65'609u);
}

TEST(MaglevTest, OneMemberOwnsEverything) {
  EXPECT_EQ(count_entries(MaglevTable(equal_members(1)), 1)[0], 65'537u);
}

TEST(MaglevTest, EveryMemberHasItsShareOfEntriesToOneEntry) {
  const std::vector<std::vector<uint32_t>> cases = {
      {100, 100, 100}, {100, 200, 300}, {1, 1000},         {1000, 1, 1000, 7},
      {0, 5, 0, 10},   {1, 999, 1000},  {3, 3, 3, 500, 2}, std::vector<uint32_t>(4096, 1000)};
  for (const std::vector<uint32_t>& weights : cases) {
    const std::vector<MaglevMember> members = members_with(weights);
    const MaglevTable table(members);
    const std::vector<size_t> counts = count_entries(table, members.size());
    for (size_t i = 0; i < members.size(); ++i) {
      const double exact =
          static_cast<double>(table.size()) * members[i].weight / weight_sum(members);
      EXPECT_LT(std::abs(static_cast<double>(counts[i]) - exact), 1)
          << "member " << i << " of weight " << members[i].weight;
    }
  }
}

TEST(MaglevTest, OneHeavyMemberAmongThousandsGetsItsShare) {
  std::vector<uint32_t> weights(4096, 1);
  weights[17] = 1000;
  const MaglevTable table(members_with(weights));
  const double exact = static_cast<double>(table.size()) * 1000 / 5095;
  EXPECT_NEAR(static_cast<double>(count_entries(table, weights.size())[17]), exact, 1);
}

TEST(MaglevTest, WeightlessMemberOwnsNothing) {
  const std::vector<size_t> counts = count_entries(MaglevTable(members_with({0, 100, 0})), 3);
  EXPECT_EQ(counts, (std::vector<size_t>{0, 65'537, 0}));
}

TEST(MaglevTest, SharesOfKeysFollowEqualWeights) {
  for (const double error : share_errors(equal_members(10))) EXPECT_LT(std::abs(error), 0.02);
}

TEST(MaglevTest, SharesOfKeysFollowUnequalWeights) {
  for (const double error : share_errors(members_with({100, 200, 300}))) {
    EXPECT_LT(std::abs(error), 0.02);
  }
}

// The light one has 65 of 65,537 entries (65.47 would be exact) and about 1000 keys, of which 3 %
// are chance.
TEST(MaglevTest, SharesOfKeysFollowExtremeWeights) {
  const std::vector<double> errors = share_errors(members_with({1, 1000}));
  EXPECT_LT(std::abs(errors[0]), 0.1);
  EXPECT_LT(std::abs(errors[1]), 0.0002);
}

TEST(MaglevTest, RemovingOneOfTenMovesFewKeys) {
  const std::vector<MaglevMember> members = equal_members(10);
  for (size_t removed = 0; removed < members.size(); ++removed) {
    const double moved = moved_by_removal(members, removed);
    std::printf("without server %zu: %.2f %% of the keys moved\n", removed, 100 * moved);
    EXPECT_LE(moved, 0.12);
    EXPECT_GE(moved, 0.09);
  }
}

TEST(MaglevTest, RemovingOneOfTenUnequalMembersMovesFewMoreKeysThanItsOwn) {
  const std::vector<MaglevMember> members =
      members_with({100, 200, 300, 100, 200, 300, 100, 200, 300, 100});
  for (size_t removed = 0; removed < members.size(); ++removed) {
    const double own = members[removed].weight / weight_sum(members);
    const double moved = moved_by_removal(members, removed);
    std::printf("without server %zu, %.2f %% of the weights: %.2f %% of the keys moved\n", removed,
                100 * own, 100 * moved);
    EXPECT_LE(moved, own + 0.01);
  }
}

TEST(MaglevTest, OrderOfMembersDoesNotMatter) {
  const std::vector<MaglevMember> members = members_with({100, 200, 300, 0, 100, 1});
  const std::vector<MaglevMember> reversed(members.rbegin(), members.rend());
  const MaglevTable table(members);
  const MaglevTable reversed_table(reversed);
  for (size_t entry = 0; entry < table.size(); ++entry) {
    ASSERT_EQ(members[table.owner(entry)].id, reversed[reversed_table.owner(entry)].id);
  }
}

// Another release must give keys the same servers: in-flight calls depend on it.
TEST(MaglevTest, TableIsTheSameForEver) {
  const MaglevTable table(members_with({100, 200, 300}));
  uint64_t digest = 0;
  for (size_t entry = 0; entry < table.size(); ++entry) digest = digest * 31 + table.owner(entry);
  EXPECT_EQ(digest, 13440013465003433892u);
}

}  // namespace
}  // namespace siplb::balance
