#include "proxy/pattern.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/alloc_guard.h"
#include "proxy/route_options.h"

namespace siplb::proxy {
namespace {

using namespace std::string_literals;

bool matches(std::string_view pattern, std::string_view text,
             LetterCase letter_case = LetterCase::Matters) {
  // Of exactly its size, so that an overread is seen.
  const std::vector<char> octets(text.begin(), text.end());
  return Pattern(pattern, letter_case).matches({octets.data(), octets.size()});
}

TEST(PatternTest, AnExactTextMatchesItselfOnly) {
  EXPECT_TRUE(matches("alice", "alice"));
  EXPECT_FALSE(matches("alice", "Alice"));
  EXPECT_FALSE(matches("alice", "alic"));
  EXPECT_FALSE(matches("alice", "alicea"));
  EXPECT_FALSE(matches("alice", ""));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_TRUE(matches("a*b", "a*b"));
  EXPECT_FALSE(matches("a*b", "aab"));
}

TEST(PatternTest, AStarAtTheEndMatchesAllThatBeginSo) {
  EXPECT_TRUE(matches("0049*", "0049"));
  EXPECT_TRUE(matches("0049*", "004989"));
  EXPECT_FALSE(matches("0049*", "004"));
  EXPECT_FALSE(matches("0049*", "0048"));
  EXPECT_FALSE(matches("0049*", "10049"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("*", "anything"));
  EXPECT_TRUE(matches("**", "*23"));
  EXPECT_FALSE(matches("**", "23"));
}

TEST(PatternTest, AnExpressionIsFoundAnywhere) {
  EXPECT_TRUE(matches("~88[12]", "0088199"));
  EXPECT_FALSE(matches("~88[12]", "00883"));
  EXPECT_FALSE(matches("~^(00|\\+)?88[12]", "1881"));
  EXPECT_TRUE(matches("~^(00|\\+)?88[12]", "+8811"));
  EXPECT_TRUE(matches("~^a*$", "aaa"));
  EXPECT_TRUE(matches("~", ""));
  EXPECT_FALSE(matches("~^abc$", "ABC"));
}

TEST(PatternTest, ExpressionsSeeOctetsAndAFoldedValueAsOneLine) {
  EXPECT_TRUE(matches("~^.$", "\xff"));
  EXPECT_TRUE(matches("~^\\xff\\x00$", "\xff\0"s));
  EXPECT_FALSE(matches("~^b$", "a\0b"s));
  EXPECT_TRUE(matches("~^\xc3\xbc$", "\xc3\xbc"));
  EXPECT_TRUE(matches("~friendly.*scanner", "friendly\r\n scanner"));
  EXPECT_FALSE(matches("~^scanner", "friendly\r\nscanner"));
}

TEST(PatternTest, CaseIsIgnoredWhereItDoesNotMatter) {
  for (const std::string_view pattern : {"Example.COM", "Exam*", "~^Example\\.com$"}) {
    EXPECT_TRUE(matches(pattern, "eXample.com", LetterCase::Ignored)) << pattern;
    EXPECT_FALSE(matches(pattern, "eXample.com", LetterCase::Matters)) << pattern;
    EXPECT_FALSE(matches(pattern, "xxample.com", LetterCase::Ignored)) << pattern;
  }
}

TEST(PatternTest, ExpressionsBacktrackOverNothing) {
  // Exponential for an engine that backtracks.
  EXPECT_FALSE(matches("~^(a|a)*(a|aa)+$", std::string(20000, 'a') + "b"));
}

TEST(PatternTest, AnExpressionMatchesBeyondTheMemoryThatItHas) {
  // Each octet brings RE2's automaton into a state that it has not met before.
  std::string text;
  uint32_t random = 1;
  for (size_t i = 0; i < 20000; ++i) {
    random = random * 1664525 + 1013904223;
    text += random >> 31 == 0 ? 'a' : 'b';
  }
  EXPECT_FALSE(matches("~a[ab]{60}c", text));
  EXPECT_TRUE(matches("~a[ab]{60}c", text + "a" + std::string(60, 'b') + "c"));
  EXPECT_FALSE(matches("~a[ab]{60}c", text + "b" + std::string(60, 'b') + "c"));
}

TEST(PatternTest, OnlyExpressionsAllocateAndTheyAreExempt) {
  const Pattern exact("alice", LetterCase::Ignored);
  const Pattern expression("~(a+)b(c|d)*e", LetterCase::Matters);
  EXPECT_FALSE(exact.is_expression());
  EXPECT_TRUE(expression.is_expression());
  const std::string text(1000, 'a');
  const uint64_t before = AllocGuard::allocations();
  AllocGuard::arm_this_thread();
  const bool found = exact.matches(text) || expression.matches(text);
  AllocGuard::disarm_this_thread();
  EXPECT_FALSE(found);
  EXPECT_EQ(AllocGuard::allocations(), before);
}

TEST(PatternTest, MovesWithItsExpression) {
  std::vector<Pattern> patterns;
  for (const std::string_view text : {"~^a", "b*", "c"}) {
    patterns.emplace_back(text, LetterCase::Matters);
  }
  patterns[2] = std::move(patterns[0]);
  EXPECT_TRUE(patterns[2].matches("aa"));
  EXPECT_FALSE(patterns[2].matches("c"));
  EXPECT_TRUE(patterns[1].matches("bb"));
}

TEST(PatternFaultTest, IsEmptyForWhatIsWellFormed) {
  for (const std::string_view text :
       {"", "alice", "+49*", "~", "~^(00|\\+)?88[12]", "[", "a~(", "*"}) {
    EXPECT_EQ(pattern_fault(text), "") << text;
  }
}

TEST(PatternFaultTest, SaysWhatRe2DoesNotTake) {
  EXPECT_EQ(pattern_fault("~a(b"), "missing ): a(b");
  EXPECT_EQ(pattern_fault("~[a"), "missing ]: [a");
  EXPECT_EQ(pattern_fault("~(a)\\1"), "invalid escape sequence: \\1");
  EXPECT_EQ(pattern_fault("~(?=a)"), "invalid perl operator: (?=");
}

TEST(PatternFaultTest, RefusesWhatNeedsMoreMemoryThanAnExpressionHas) {
  EXPECT_EQ(pattern_fault("~a{500}"), "");
  EXPECT_THAT(pattern_fault("~((a{30}){30}b){30}"), testing::HasSubstr("invalid repetition size"));
  std::string large = "~";
  for (size_t i = 0; i < 20; ++i) large += "a{1000}";
  EXPECT_EQ(pattern_fault(large), "");
  for (size_t i = 0; i < 5; ++i) large += "a{1000}";
  EXPECT_EQ(pattern_fault(large), "pattern too large - compile failed");
}

TEST(PatternFaultTest, KeepsToTheLongestPattern) {
  EXPECT_EQ(pattern_fault(std::string(kPatternOctetsMax, 'a')), "");
  EXPECT_EQ(pattern_fault(std::string(kPatternOctetsMax + 1, 'a')), "longer than 256 octets");
  EXPECT_EQ(pattern_fault("~" + std::string(kPatternOctetsMax, 'a')), "longer than 256 octets");
}

}  // namespace
}  // namespace siplb::proxy
