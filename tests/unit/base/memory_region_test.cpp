#include "base/memory_region.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include <gtest/gtest.h>

namespace siplb {
namespace {

TEST(MemoryRegionTest, IsZeroedWritableAndPageAligned) {
  const auto region = MemoryRegion::reserve(10000);
  ASSERT_TRUE(region);
  const auto octets = region->octets();
  ASSERT_EQ(octets.size(), 10000U);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(octets.data()) % 4096, 0U);
  EXPECT_TRUE(std::all_of(octets.begin(), octets.end(), [](char octet) { return octet == 0; }));
  octets.front() = 'a';
  octets.back() = 'z';
  EXPECT_EQ(region->octets().back(), 'z');
}

TEST(MemoryRegionTest, ReportsWhatTheSystemCannotReserve) {
  const auto region = MemoryRegion::reserve(std::numeric_limits<size_t>::max() / 2);
  ASSERT_FALSE(region);
  EXPECT_EQ(region.error().code, ErrorCode::MemoryReserve);
  EXPECT_EQ(region.error().sys_errno, ENOMEM);
}

TEST(MemoryRegionTest, MovesItsOctets) {
  auto first = MemoryRegion::reserve(4096);
  ASSERT_TRUE(first);
  first->octets()[0] = 'x';
  MemoryRegion second = std::move(*first);
  ASSERT_EQ(second.octets().size(), 4096U);
  EXPECT_EQ(second.octets()[0], 'x');

  auto third = MemoryRegion::reserve(8192);
  ASSERT_TRUE(third);
  *third = std::move(second);
  ASSERT_EQ(third->octets().size(), 4096U);
  EXPECT_EQ(third->octets()[0], 'x');
}

}  // namespace
}  // namespace siplb
