#include "sip/text_writer.h"

#include <array>

#include <gtest/gtest.h>

namespace siplb::sip {
namespace {

TEST(TextWriterTest, PutsTextNumbersAndEditedTextInARow) {
  std::array<char, 64> out;
  TextWriter writer(out);
  const std::string_view line = "To: <sip:bob>\r\n";
  Editor editor(line);
  editor.insert_before(line.data() + line.size() - 2, ";tag=1");
  writer.put("SIP/2.0 ");
  writer.put_number(4294967295);
  writer.put("\r\n");
  writer.put(editor);
  EXPECT_EQ(std::string_view(out.data(), writer.length()),
            "SIP/2.0 4294967295\r\nTo: <sip:bob>;tag=1\r\n");
}

TEST(TextWriterTest, FillsItsBufferToTheLastOctet) {
  std::array<char, 4> out;
  TextWriter writer(out);
  writer.put("ab");
  writer.put("cd");
  writer.put("");
  EXPECT_EQ(writer.length(), 4U);
}

TEST(TextWriterTest, StaysVoidOnceSomethingDidNotFit) {
  std::array<char, 4> out;
  TextWriter writer(out);
  writer.put("abc");
  writer.put("de");
  writer.put("f");
  EXPECT_EQ(writer.length(), 0U);
}

TEST(TextWriterTest, TakesNothingIntoNoBuffer) {
  TextWriter writer({});
  writer.put("");
  EXPECT_EQ(writer.length(), 0U);
  writer.put("a");
  EXPECT_EQ(writer.length(), 0U);
}

}  // namespace
}  // namespace siplb::sip
