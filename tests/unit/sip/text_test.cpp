#include "sip/text.h"

#include <string>

#include <gtest/gtest.h>

namespace siplb::sip {
namespace {

TEST(TextTest, ReadsNumbersThatCannotOverflow) {
  EXPECT_EQ(read_number("0", 255), 0U);
  EXPECT_EQ(read_number("255", 255), 255U);
  EXPECT_EQ(read_number("256", 255), 256U);
  EXPECT_EQ(read_number("18446744073709551617", 255), 256U);
  EXPECT_EQ(read_number("00000000000000000000000000007", 255), 7U);
  EXPECT_EQ(read_number("", 255), std::nullopt);
  EXPECT_EQ(read_number("1x", 255), std::nullopt);
  EXPECT_EQ(read_number("-1", 255), std::nullopt);
}

TEST(TextTest, MeasuresQuotedStrings) {
  EXPECT_EQ(quoted_length("\"\""), 2U);
  EXPECT_EQ(quoted_length(R"("a\"b" c)"), 6U);
  EXPECT_EQ(quoted_length("\"open"), std::string_view::npos);
  EXPECT_EQ(quoted_length("\"open\\\""), std::string_view::npos);
  EXPECT_EQ(quoted_length("\"open\\"), std::string_view::npos);
}

TEST(TextTest, MeasuresHosts) {
  EXPECT_EQ(host_length("a-b.c_d:5060"), 7U);
  EXPECT_EQ(host_length("[::1]:5060"), 5U);
  EXPECT_EQ(host_length(""), 0U);
  EXPECT_EQ(host_length(":5060"), 0U);
  EXPECT_EQ(host_length("["), 0U);
  EXPECT_EQ(host_length("[]"), 0U);
  EXPECT_EQ(host_length("[::g]"), 0U);
}

TEST(TextTest, ComparesAsciiWithoutCase) {
  EXPECT_TRUE(equal_caseless("Call-ID", "cALL-id"));
  EXPECT_FALSE(equal_caseless("a", "ab"));
  EXPECT_FALSE(equal_caseless("[", "{"));
  EXPECT_FALSE(equal_caseless("\xc4", "\xe4"));
}

// However long the texts and whichever octet differs: they are compared by words that overlap.
TEST(TextTest, ComparesEveryOctetOfEveryLength) {
  for (size_t size = 1; size <= 20; ++size) {
    const std::string text(size, 'q');
    EXPECT_TRUE(equal_caseless(text, text));
    EXPECT_TRUE(equal_caseless(text, std::string(size, 'Q')));
    for (size_t at = 0; at < size; ++at) {
      std::string other = text;
      other[at] = 'Q';
      EXPECT_TRUE(equal_caseless(text, other)) << other;
      other[at] = 'x';
      EXPECT_FALSE(equal_caseless(text, other)) << other;
    }
  }
}

TEST(TextTest, TrimsWhiteSpaceAndFolding) {
  EXPECT_EQ(trim("\t \r\n a b\r\n "), "a b");
  EXPECT_EQ(trim(" \r\n "), "");
  EXPECT_EQ(trim(""), "");
}

}  // namespace
}  // namespace siplb::sip
