#include "sip/head_reader.h"

#include <string>

#include <gtest/gtest.h>

#include "support/prefixes.h"

namespace siplb::sip {
namespace {

// What each step gives: "name=value" of a header, "bad", then "end" or "unended".
std::string steps(std::string_view octets) {
  HeadReader reader(octets);
  std::string_view line;
  if (!reader.take_start_line(line)) return "no start line";
  std::string text;
  for (Header header;;) {
    switch (reader.next(header)) {
      case HeadStep::Header:
        text += std::string(header.name) + "=" + std::string(header.value) + " ";
        break;
      case HeadStep::BadHeader: text += "bad "; break;
      case HeadStep::Unended: return text + "unended";
      case HeadStep::End: return text + "end";
    }
  }
}

TEST(HeadReaderTest, ReadsHeadersUpToTheEmptyLine) {
  EXPECT_EQ(steps("S\r\nA: 1\r\nB:2\r\n\r\nC: 3\r\n"), "A=1 B=2 end");
  EXPECT_EQ(steps("S\r\n\r\n"), "end");
}

TEST(HeadReaderTest, TakesWhiteSpaceAroundTheColonAndTheValue) {
  EXPECT_EQ(steps("S\r\nA \t : \t 1 2 \t\r\nB:\r\nC: \r\n\r\n"), "A=1 2 B= C= end");
}

TEST(HeadReaderTest, TakesFoldedLinesAsOneHeader) {
  EXPECT_EQ(steps("S\r\nA:\r\n 1\r\n\t2\r\nB: x\r\n \r\n\r\n"), "A=1\r\n\t2 B=x end");
}

TEST(HeadReaderTest, GivesTheWholeLineWithItsEnd) {
  HeadReader reader("S\r\nA: 1\r\n 2\r\n\r\nbody");
  std::string_view line;
  ASSERT_TRUE(reader.take_start_line(line));
  EXPECT_EQ(line, "S\r\n");
  Header header;
  ASSERT_EQ(reader.next(header), HeadStep::Header);
  EXPECT_EQ(header.line, "A: 1\r\n 2\r\n");
  ASSERT_EQ(reader.next(header), HeadStep::End);
  EXPECT_EQ(reader.rest(), "body");
}

TEST(HeadReaderTest, SkipsLineEndsBeforeTheStartLine) {
  EXPECT_EQ(steps("\r\n\r\n\r\nS\r\n\r\n"), "end");
}

TEST(HeadReaderTest, RefusesNamesThatAreNoTokens) {
  for (const std::string_view line :
       {": 1", "A", "A B: 1", "A\x01: 1", "A\x7f: 1", "A\"B\": 1", "A\xc3\xa4: 1", "A\r\n : 1"}) {
    EXPECT_EQ(steps("S\r\n" + std::string(line) + "\r\nC: 3\r\n\r\n"), "bad C=3 end") << line;
  }
  EXPECT_EQ(steps("S\r\n A: 1\r\n\r\n"), "bad end");  // folds nothing
}

TEST(HeadReaderTest, RefusesControlOctetsAndLoneLineEnds) {
  for (const std::string_view value :
       {std::string_view("x\0y", 3), std::string_view("\"\\\0\"", 4), std::string_view("x\ny"),
        std::string_view("x\rB: y"), std::string_view("x\r"), std::string_view("x\x1by"),
        std::string_view("x\n\nB: y"), std::string_view("eight octets\v and one")}) {
    EXPECT_EQ(steps("S\r\nA: " + std::string(value) + "\r\nC: 3\r\n\r\n"), "bad C=3 end") << value;
  }
  EXPECT_EQ(steps("S\x01\r\n\r\n"), "no start line");
  EXPECT_EQ(steps("S\nA: 1\n\n"), "no start line");
}

TEST(HeadReaderTest, FindsAControlOctetAtEveryDistance) {
  for (size_t before = 0; before < 20; ++before) {
    // Octets of 0x80 and above must not be taken for control octets, nor hide one.
    const std::string value(before, '\xa0');
    EXPECT_EQ(steps("S\r\nA: " + value + "\x1f\xff\xff\r\n\r\n"), "bad end") << before;
    EXPECT_EQ(steps("S\r\nA: " + value + "\t!\r\n\r\n"),
              "A=" + std::string(trim(value + "\t!")) + " end")
        << before;
  }
}

TEST(HeadReaderTest, TellsAHeadThatDoesNotEnd) {
  const std::string_view text = "S\r\nA: 1\r\n 2\r\nB: 2\r\n\r\n";
  test::for_each_prefix(text, [&](std::string_view prefix) {
    const std::string seen = steps(prefix);
    if (prefix == text) {
      EXPECT_EQ(seen, "A=1\r\n 2 B=2 end");
    } else {
      EXPECT_TRUE(seen.ends_with("unended") || seen == "no start line") << prefix;
    }
  });
}

}  // namespace
}  // namespace siplb::sip
