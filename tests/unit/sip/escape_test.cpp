#include "sip/escape.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace siplb::sip {
namespace {

std::string unescaped(std::string_view text) {
  // Both of exactly the size that is needed, so that an overread or overrun is seen.
  const std::vector<char> octets(text.begin(), text.end());
  std::vector<char> buffer(text.size());
  return std::string(unescape({octets.data(), octets.size()}, buffer));
}

TEST(EscapeTest, UndoesEscapesInEitherCaseOfTheirDigits) {
  EXPECT_EQ(unescaped("%38%38"), "88");
  EXPECT_EQ(unescaped("a%6cice"), "alice");
  EXPECT_EQ(unescaped("a%6Cice"), "alice");
  EXPECT_EQ(unescaped("%61"), "a");
  EXPECT_EQ(unescaped("%fF"), "\xff");
  EXPECT_EQ(unescaped("a%00b"), std::string("a\0b", 3));
}

TEST(EscapeTest, UndoesEachEscapeOnce) {
  EXPECT_EQ(unescaped("%2538"), "%38");
  EXPECT_EQ(unescaped("%%338"), "%38");
}

TEST(EscapeTest, KeepsBrokenAndTruncatedEscapes) {
  for (const std::string_view text : {"%", "%4", "a%", "a%4", "%g1", "%1g", "%%", "%-1", "% 1",
                                      "%@0", "%`0", "%/0", "%:0", "%G0"}) {
    EXPECT_EQ(unescaped(text), text);
  }
  EXPECT_EQ(unescaped("%4%31"), "%41");
}

TEST(EscapeTest, CopiesNothingWhereThereIsNothingToUndo) {
  const std::string_view text = "+49891234";
  std::array<char, 16> buffer{};
  EXPECT_EQ(unescape(text, buffer).data(), text.data());
  EXPECT_EQ(unescaped(""), "");
}

TEST(EscapeTest, StopsWhereTheBufferIsFull) {
  std::array<char, 2> buffer{};
  EXPECT_EQ(unescape("%31%32", buffer), "12");
  EXPECT_EQ(unescape("%31%32%33", buffer), "12");
  EXPECT_EQ(unescape("%31", std::span<char>()), "");
}

TEST(EscapeTest, TakesOneOctetAtATime) {
  std::string_view text = "%41%4b%4";
  std::string taken;
  std::vector<size_t> left;
  while (!text.empty()) {
    taken += take_unescaped(text);
    left.push_back(text.size());
  }
  EXPECT_EQ(taken, "AK%4");
  EXPECT_EQ(left, (std::vector<size_t>{5, 2, 1, 0}));
}

}  // namespace
}  // namespace siplb::sip
