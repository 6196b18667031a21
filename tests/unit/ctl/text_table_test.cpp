#include "ctl/text_table.h"

#include <gtest/gtest.h>

namespace siplb::ctl {
namespace {

TEST(TextTableTest, AlignsItsColumnsAndEndsLinesWithoutSpaces) {
  EXPECT_EQ(table_text({{"A"}, {"COUNT", Align::Right}, {"NOTE"}},
                       {{"long", "7", ""}, {"b", "123456", "x"}}),
            "A      COUNT  NOTE\n"
            "long       7\n"
            "b     123456  x\n");
  EXPECT_EQ(table_text({{"A"}, {"B"}}, {}), "A  B\n");
}

TEST(TextTableTest, WritesSheets) {
  EXPECT_EQ(sheet_line("calls", "5"), "  calls     5\n");
}

TEST(TextTableTest, TellsAgesInTheirGreatestUnit) {
  EXPECT_EQ(age_text(0.9), "0s");
  EXPECT_EQ(age_text(59.9), "59s");
  EXPECT_EQ(age_text(60), "1m");
  EXPECT_EQ(age_text(3600), "1h");
  EXPECT_EQ(age_text(86400 * 400.0), "400d");
}

TEST(TextTableTest, TellsShortTimesExactly) {
  EXPECT_EQ(milliseconds_text(0.00025), "0.25 ms");
  EXPECT_EQ(milliseconds_text(0.0123), "12 ms");
  EXPECT_EQ(milliseconds_text(2.5), "2500 ms");
}

TEST(TextTableTest, TellsSizesInTheirUnit) {
  EXPECT_EQ(size_text(0), "0 B");
  EXPECT_EQ(size_text(1023), "1023 B");
  EXPECT_EQ(size_text(1024), "1.0 KiB");
  EXPECT_EQ(size_text(uint64_t{1536} * 1024 * 1024), "1.5 GiB");
  EXPECT_EQ(size_text(uint64_t{5000} << 40), "5000.0 TiB");
}

TEST(TextTableTest, KeepsCountsShort) {
  EXPECT_EQ(count_text(9999), "9999");
  EXPECT_EQ(count_text(12'345), "12.3k");
  EXPECT_EQ(count_text(99'949), "99.9k");
  EXPECT_EQ(count_text(123'456), "123k");
  EXPECT_EQ(count_text(1'250'000), "1.2M");
  EXPECT_EQ(count_text(123'456'789), "123M");
  EXPECT_EQ(count_text(12'345'678'901), "12.3G");
}

TEST(TextTableTest, CountsInWords) {
  EXPECT_EQ(plural_text(0, "call"), "no calls");
  EXPECT_EQ(plural_text(1, "call"), "1 call");
  EXPECT_EQ(plural_text(2, "call"), "2 calls");
  EXPECT_EQ(of_max_text(3, 5), "3 of 5");
}

}  // namespace
}  // namespace siplb::ctl
