#include "base/memory_region.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

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

TEST(MemoryRegionTest, SharesWhatItMapsFromADescriptor) {
  const int fd = ::memfd_create("test", MFD_CLOEXEC);
  ASSERT_EQ(::ftruncate(fd, 10000), 0);
  const auto first = MemoryRegion::map_shared(fd, 10000);
  const auto second = MemoryRegion::map_shared(fd, 10000);
  ::close(fd);
  ASSERT_TRUE(first && second);
  ASSERT_EQ(second->octets().size(), 10000U);
  first->octets()[9999] = 'x';
  EXPECT_EQ(second->octets()[9999], 'x');
}

TEST(MemoryRegionTest, ReportsWhatCannotBeMapped) {
  const auto region = MemoryRegion::map_shared(-1, 4096);
  ASSERT_FALSE(region);
  EXPECT_EQ(region.error().code, ErrorCode::MemoryReserve);
  EXPECT_EQ(region.error().sys_errno, EBADF);
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
