#include "base/slot_pool.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace siplb {
namespace {

constexpr size_t kSlotSize = 128;

MemoryRegion region_for(size_t slots) {
  return std::move(*MemoryRegion::reserve(slots * kSlotSize));
}

TEST(SlotPoolTest, HandsOutEverySlotOnceThenRefuses) {
  SlotPool pool(region_for(3), kSlotSize);
  ASSERT_EQ(pool.capacity(), 3U);
  std::set<char*> starts;
  for (int i = 0; i < 3; ++i) {
    const auto handle = pool.take();
    ASSERT_TRUE(handle);
    EXPECT_EQ(pool.octets(*handle).size(), kSlotSize);
    starts.insert(pool.octets(*handle).data());
  }
  EXPECT_EQ(starts.size(), 3U);
  EXPECT_EQ(*starts.rbegin() - *starts.begin(), static_cast<ptrdiff_t>(2 * kSlotSize));
  EXPECT_FALSE(pool.take());
  EXPECT_EQ(pool.free_count(), 0U);
  EXPECT_EQ(pool.counters().refused.value(), 1U);
}

TEST(SlotPoolTest, WritesToOneSlotReachNoOther) {
  SlotPool pool(region_for(2), kSlotSize);
  const auto first = pool.take();
  const auto second = pool.take();
  ASSERT_TRUE(first && second);
  std::ranges::fill(pool.octets(*first), 'a');
  std::ranges::fill(pool.octets(*second), 'b');
  EXPECT_EQ(std::ranges::count(pool.octets(*first), 'a'), static_cast<ptrdiff_t>(kSlotSize));
}

TEST(SlotPoolTest, TakesTheWarmestSlotAgain) {
  SlotPool pool(region_for(4), kSlotSize);
  const auto first = pool.take();
  const auto second = pool.take();
  ASSERT_TRUE(first && second);
  pool.give_back(*first);
  const auto third = pool.take();
  ASSERT_TRUE(third);
  EXPECT_EQ(third->index, first->index);
}

TEST(SlotPoolTest, KnowsAHandleFromItsSuccessor) {
  SlotPool pool(region_for(1), kSlotSize);
  const auto first = pool.take();
  ASSERT_TRUE(first);
  EXPECT_TRUE(pool.is_taken(*first));
  pool.give_back(*first);
  EXPECT_FALSE(pool.is_taken(*first));
  const auto second = pool.take();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->index, first->index);
  EXPECT_FALSE(pool.is_taken(*first));
  EXPECT_TRUE(pool.is_taken(*second));
}

TEST(SlotPoolTest, DefaultHandleNamesNothing) {
  SlotPool pool(region_for(1), kSlotSize);
  EXPECT_FALSE(pool.is_taken(SlotHandle{}));
  EXPECT_FALSE(pool.is_taken(SlotHandle{.index = 9, .generation = 1}));
}

TEST(SlotPoolTest, CountsUseAndHighWaterThroughManyRounds) {
  SlotPool pool(region_for(4), kSlotSize);
  for (size_t round = 0; round < 10; ++round) {
    std::vector<SlotHandle> taken;
    while (const auto handle = pool.take()) taken.push_back(*handle);
    ASSERT_EQ(taken.size(), 4U);
    EXPECT_EQ(pool.counters().used.value(), 4U);
    for (const SlotHandle handle : taken) pool.give_back(handle);
    EXPECT_EQ(pool.counters().used.value(), 0U);
  }
  EXPECT_EQ(pool.counters().high_water.value(), 4U);
  EXPECT_EQ(pool.counters().refused.value(), 10U);
}

TEST(SlotPoolDeathTest, AbortsWhenASlotIsGivenBackTwice) {
  SlotPool pool(region_for(2), kSlotSize);
  const auto handle = pool.take();
  ASSERT_TRUE(handle);
  pool.give_back(*handle);
  EXPECT_DEATH(pool.give_back(*handle), "is_taken");
}

}  // namespace
}  // namespace siplb
