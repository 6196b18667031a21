#include "base/fixed_string.h"

#include <cstdint>
#include <limits>
#include <string_view>

#include <gtest/gtest.h>

namespace siplb {
namespace {

TEST(FixedStringTest, StartsEmpty) {
  FixedString<4> text;
  EXPECT_TRUE(text.empty());
  EXPECT_EQ(text.size(), 0u);
  EXPECT_EQ(text.room(), 4u);
  EXPECT_EQ(text.view(), "");
}

TEST(FixedStringTest, HoldsAsManyOctetsAsItsCapacity) {
  FixedString<4> text;
  text.append("ab");
  text.append("cd");
  EXPECT_EQ(text.view(), "abcd");
  EXPECT_EQ(text.room(), 0u);
}

TEST(FixedStringTest, RefusesWhatDoesNotFitAndStaysAsItWas) {
  FixedString<4> text;
  EXPECT_TRUE(text.try_append("abc"));
  EXPECT_FALSE(text.try_append("de"));
  EXPECT_EQ(text.view(), "abc");
  EXPECT_TRUE(text.try_append("d"));
  EXPECT_FALSE(text.try_append("e"));
}

TEST(FixedStringTest, TakesAnEmptyViewWithoutAddress) {
  FixedString<1> text;
  text.append(std::string_view{});
  EXPECT_TRUE(text.try_append(std::string_view{}));
  EXPECT_TRUE(text.empty());
}

TEST(FixedStringTest, ClearMakesTheWholeRoomFree) {
  FixedString<2> text;
  text.append("ab");
  text.clear();
  EXPECT_TRUE(text.empty());
  text.append("cd");
  EXPECT_EQ(text.view(), "cd");
}

TEST(FixedStringTest, WritesNumbersInDecimal) {
  FixedString<21> text;
  text.append_number(0);
  EXPECT_EQ(text.view(), "0");
  text.append_number(std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(text.view(), "018446744073709551615");
}

TEST(FixedStringTest, ComparesByContent) {
  FixedString<8> one;
  FixedString<8> other;
  one.append("same");
  other.append("sam");
  EXPECT_FALSE(one == other);
  other.append("e");
  EXPECT_TRUE(one == other);
  EXPECT_TRUE(one == "same");
  EXPECT_FALSE(one == "sam");
}

TEST(FixedStringDeathTest, DiesRatherThanOverrun) {
  FixedString<2> text;
  EXPECT_DEATH(text.append("abc"), "assertion failed");
}

}  // namespace
}  // namespace siplb
