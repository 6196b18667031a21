#include "sip/param.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "support/prefixes.h"

namespace siplb::sip {
namespace {

// "name=value|name|…", and "!" behind it where reading ended early.
std::string read(std::string_view params) {
  std::string text;
  ParamReader reader(params);
  for (Param param; reader.next(param);) {
    if (!text.empty()) text += '|';
    text += param.name;
    if (param.value.data() != nullptr) text += "=" + std::string(param.value);
  }
  return reader.well_formed() ? text : text + "!";
}

TEST(ParamReaderTest, ReadsNamesAndValues) {
  EXPECT_EQ(read("a=1;b;c=2"), "a=1|b|c=2");
  EXPECT_EQ(read("a="), "a=");
  EXPECT_EQ(read("a=b=c"), "a=b=c");
}

TEST(ParamReaderTest, LeavesWhiteSpaceAndFoldingOut) {
  EXPECT_EQ(read(" a \t=\r\n 1 ; b ;c = x "), "a=1|b|c=x");
}

TEST(ParamReaderTest, DoesNotSplitInsideQuotes) {
  EXPECT_EQ(read(R"(a="x;y=,<\";>";b)"), R"(a="x;y=,<\";>"|b)");
}

TEST(ParamReaderTest, NamesNothingBetweenTwoSemicolons) {
  EXPECT_EQ(read("a;;b;"), "a||b|");
}

TEST(ParamReaderTest, ReadsNothingWhereThereAreNoParams) {
  EXPECT_EQ(read({}), "");
  ParamReader reader({});
  Param param;
  EXPECT_FALSE(reader.next(param));
}

TEST(ParamReaderTest, EndsEarlyAtWhatOthersWouldSplitElsewhere) {
  EXPECT_EQ(read("a=1;b=\"open"), "a=1!");
  EXPECT_EQ(read("a=1;b=\"open\\\""), "a=1!");
  EXPECT_EQ(read("a=1,b=2;c"), "!");
  EXPECT_EQ(read("a=1;b=<x>"), "a=1!");
}

TEST(ParamReaderTest, GivesTheWholeTextOfAParam) {
  const std::string_view params = "a; b = 1 ;c";
  ParamReader reader(params);
  Param param;
  ASSERT_TRUE(reader.next(param));
  ASSERT_TRUE(reader.next(param));
  EXPECT_EQ(param.text, " b = 1 ");
  EXPECT_EQ(param.text.data(), params.data() + 2);
}

TEST(ParamReaderTest, StaysInsideEveryPrefix) {
  test::for_each_prefix(R"(a="x\"y" ; b = 1;c)", [](std::string_view prefix) {
    ParamReader reader(prefix);
    for (Param param; reader.next(param);) {
      EXPECT_GE(param.text.data(), prefix.data());
      EXPECT_LE(param.text.data() + param.text.size(), prefix.data() + prefix.size());
    }
  });
}

TEST(FindParamTest, TellsAbsentFromEmpty) {
  EXPECT_EQ(find_param("lr;transport=tcp", "ob").data(), nullptr);
  const std::string_view lr = find_param("lr;transport=tcp", "lr");
  EXPECT_NE(lr.data(), nullptr);
  EXPECT_EQ(lr, "");
}

TEST(FindParamTest, TakesTheFirstInAnyCase) {
  EXPECT_EQ(find_param("a;TAG=x;tag=y", "tag"), "x");
}

}  // namespace
}  // namespace siplb::sip
