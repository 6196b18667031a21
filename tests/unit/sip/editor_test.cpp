#include "sip/editor.h"

#include <string>

#include <gtest/gtest.h>

namespace siplb::sip {
namespace {

constexpr std::string_view kText = "0123456789";

std::string flat(Editor& editor) {
  std::string text;
  for (const std::string_view piece : editor.pieces()) {
    EXPECT_FALSE(piece.empty());
    text += piece;
  }
  return text;
}

TEST(EditorTest, LeavesAnUneditedMessageInOnePiece) {
  Editor editor(kText);
  ASSERT_EQ(editor.pieces().size(), 1U);
  EXPECT_EQ(editor.pieces()[0].data(), kText.data());
  EXPECT_EQ(flat(editor), kText);
}

TEST(EditorTest, GivesNoPiecesForAnEmptyMessage) {
  Editor editor("");
  EXPECT_TRUE(editor.pieces().empty());
}

TEST(EditorTest, ReplacesErasesAndInserts) {
  Editor editor(kText);
  editor.replace(kText.substr(2, 3), "abc");
  editor.erase(kText.substr(6, 1));
  editor.insert_before(kText.data() + 8, "-");
  EXPECT_EQ(flat(editor), "01abc57-89");
}

TEST(EditorTest, TakesEditsInAnyOrder) {
  Editor editor(kText);
  editor.replace(kText.substr(8, 1), "c");
  editor.replace(kText.substr(0, 1), "a");
  editor.replace(kText.substr(4, 2), "b");
  EXPECT_EQ(flat(editor), "a123b67c9");
}

TEST(EditorTest, KeepsTheOrderOfInsertionsAtOnePosition) {
  Editor editor(kText);
  editor.insert_before(kText.data() + 5, "a");
  editor.insert_before(kText.data() + 5, "b");
  editor.insert_before(kText.data() + 5, "c");
  EXPECT_EQ(flat(editor), "01234abc56789");
}

TEST(EditorTest, InsertsBeforeWhatAnotherEditReplaces) {
  Editor editor(kText);
  editor.replace(kText.substr(5, 2), "X");
  editor.insert_before(kText.data() + 5, "a");
  editor.insert_before(kText.data() + 7, "b");
  EXPECT_EQ(flat(editor), "01234aXb789");
}

TEST(EditorTest, EditsBothEnds) {
  Editor editor(kText);
  editor.insert_before(kText.data(), "<");
  editor.insert_before(kText.data() + kText.size(), ">");
  EXPECT_EQ(flat(editor), "<0123456789>");
}

TEST(EditorTest, ErasesEverything) {
  Editor editor(kText);
  editor.erase(kText);
  EXPECT_TRUE(editor.pieces().empty());
}

TEST(EditorTest, TakesAllEditsThereIsRoomFor) {
  const std::string text(2 * Editor::kEditsMax + 1, '.');
  Editor editor(text);
  for (size_t i = 0; i < Editor::kEditsMax; ++i) {
    editor.replace(std::string_view(text).substr(2 * i + 1, 1), "x");
  }
  EXPECT_EQ(editor.pieces().size(), Editor::kPiecesMax);
  std::string expected = ".";
  for (size_t i = 0; i < Editor::kEditsMax; ++i) expected += "x.";
  EXPECT_EQ(flat(editor), expected);
}

TEST(EditorDeathTest, RefusesMisuse) {
  Editor full(kText);
  for (size_t i = 0; i < Editor::kEditsMax; ++i) full.insert_before(kText.data(), "x");
  EXPECT_DEATH(full.insert_before(kText.data(), "x"), "kEditsMax");

  Editor overlapping(kText);
  overlapping.erase(kText.substr(2, 4));
  overlapping.erase(kText.substr(4, 4));
  EXPECT_DEATH((void)overlapping.pieces(), "edit.region");

  Editor part(kText.substr(2, 4));
  EXPECT_DEATH(part.erase(kText.substr(1, 2)), "original_");
  EXPECT_DEATH(part.erase(kText.substr(5, 2)), "original_");
}

std::string decremented(std::string digits) {
  decrement_in_place(digits);
  return digits;
}

TEST(DecrementInPlaceTest, KeepsTheNumberOfDigits) {
  EXPECT_EQ(decremented("70"), "69");
  EXPECT_EQ(decremented("1"), "0");
  EXPECT_EQ(decremented("100"), "099");
  EXPECT_EQ(decremented("0010"), "0009");
  EXPECT_EQ(decremented("255"), "254");
}

TEST(DecrementInPlaceDeathTest, RefusesZero) {
  EXPECT_DEATH(decremented("00"), "npos");
}

}  // namespace
}  // namespace siplb::sip
