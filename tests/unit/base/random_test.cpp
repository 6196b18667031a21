#include "base/random.h"

#include <algorithm>
#include <array>
#include <set>

#include <gtest/gtest.h>

namespace siplb {
namespace {

TEST(RandomTest, FillsEveryOctet) {
  // Each octet stays zero once in 256 times; all 16 rounds agree on one only where it is not
  // filled.
  std::array<uint8_t, 32> seen{};
  for (int round = 0; round < 16; ++round) {
    std::array<uint8_t, 32> octets{};
    ASSERT_TRUE(fill_random(octets));
    for (size_t i = 0; i < octets.size(); ++i) seen[i] |= octets[i];
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 0), 0);
}

TEST(RandomTest, FillsNothingWhereNothingIsAskedFor) {
  EXPECT_TRUE(fill_random({}));
}

TEST(RandomTest, NumbersDiffer) {
  std::set<uint32_t> numbers;
  for (int i = 0; i < 8; ++i) {
    const Result<uint32_t> number = random_u32();
    ASSERT_TRUE(number);
    numbers.insert(*number);
  }
  EXPECT_GT(numbers.size(), 1u);
}

}  // namespace
}  // namespace siplb
