#include "load/held_answers.h"

#include <deque>
#include <string>

#include <gtest/gtest.h>

#include "support/sip_builder.h"

namespace siplb::load {
namespace {

using siplb::test::SipBuilder;

AnswerText text_of_call(const std::string& call_id) {
  const std::string octets =
      SipBuilder::request().call_id(call_id).record_route("<sip:edge;lr>").str();
  sip::Message message;
  EXPECT_EQ(sip::scan(octets, {}, message), sip::ScanStatus::Ok);
  AnswerText text;
  EXPECT_TRUE(text.write(message, SockAddress::v4(0xC0000201, 5060), "s1.tag"));
  return text;
}

class HeldAnswersTest : public ::testing::Test {
 protected:
  static constexpr uint32_t kEntriesMax = 3;

  HeldAnswers held = std::move(*HeldAnswers::reserve(kEntriesMax));
  const AnswerText text = text_of_call("a-call");
};

TEST_F(HeldAnswersTest, FindsNothingAtFirst) {
  EXPECT_EQ(held.size(), 0U);
  EXPECT_EQ(held.find(0), nullptr);
  EXPECT_EQ(held.find(1), nullptr);
}

TEST_F(HeldAnswersTest, KeepsACopyOfEachText) {
  HeldAnswer* first = held.add(1, text);
  ASSERT_NE(first, nullptr);
  AnswerText other = text_of_call("another-call");
  HeldAnswer* second = held.add(2, other);
  ASSERT_NE(second, nullptr);
  const std::string basic(other.basic());
  const std::string full(other.full());
  other = text;
  EXPECT_EQ(held.basic(*second), basic);
  EXPECT_EQ(held.full(*second), full);
  EXPECT_EQ(held.full(*first), text.full());
  EXPECT_LT(held.basic(*first).size(), held.full(*first).size());
}

TEST_F(HeldAnswersTest, RefusesOneMoreThanItHasRoomForUntilOneLeaves) {
  for (uint64_t key = 0; key < kEntriesMax; ++key) ASSERT_NE(held.add(key, text), nullptr);
  EXPECT_EQ(held.size(), kEntriesMax);
  EXPECT_EQ(held.add(99, text), nullptr);
  held.remove(*held.find(1));
  EXPECT_EQ(held.find(1), nullptr);
  EXPECT_NE(held.add(99, text), nullptr);
  EXPECT_EQ(held.size(), kEntriesMax);
}

TEST_F(HeldAnswersTest, KeepsChainsWholeWhateverLeavesThem) {
  // Four chains: all of these share the first.
  const uint64_t keys[] = {0, 4, 8};
  for (const uint64_t gone : keys) {
    for (const uint64_t key : keys) ASSERT_NE(held.add(key, text), nullptr);
    held.remove(*held.find(gone));
    for (const uint64_t key : keys) {
      HeldAnswer* answer = held.find(key);
      ASSERT_EQ(answer == nullptr, key == gone) << key << " after " << gone << " left";
      if (answer != nullptr) held.remove(*answer);
    }
    EXPECT_EQ(held.size(), 0U);
  }
}

TEST_F(HeldAnswersTest, GivesEntriesOutAgainAsFresh) {
  std::deque<uint64_t> keys;
  for (uint64_t key = 0; key < 10 * kEntriesMax; ++key) {
    HeldAnswer* answer = held.add(key, text);
    ASSERT_NE(answer, nullptr);
    EXPECT_EQ(answer->state, HeldState::Delayed);
    answer->state = HeldState::Final;
    keys.push_back(key);
    if (keys.size() < kEntriesMax) continue;
    held.remove(*held.find(keys.front()));
    keys.pop_front();
  }
  EXPECT_EQ(held.size(), kEntriesMax - 1);
}

}  // namespace
}  // namespace siplb::load
