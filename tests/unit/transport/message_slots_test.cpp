#include "transport/message_slots.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace siplb::transport {
namespace {

class MessageSlotsTest : public testing::Test {
 protected:
  void SetUp() override {
    auto reserved = MessageSlots::reserve({.small_count = 1, .medium_count = 2, .large_count = 1});
    ASSERT_TRUE(reserved);
    slots_ = std::move(*reserved);
  }

  std::unique_ptr<MessageSlots> slots_;
};

TEST_F(MessageSlotsTest, TakesTheSmallestClassThatFits) {
  struct Case {
    const char* description;
    size_t length;
    SlotClass size_class;
  };
  for (const Case& c : {
           Case{"nothing", 0, SlotClass::Small},
           Case{"a full small slot", 2048, SlotClass::Small},
           Case{"one octet more", 2049, SlotClass::Medium},
           Case{"a full medium slot", 8192, SlotClass::Medium},
           Case{"one octet more", 8193, SlotClass::Large},
           Case{"a full large slot", 65536, SlotClass::Large},
       }) {
    const auto slot = slots_->take(c.length);
    ASSERT_TRUE(slot) << c.description;
    EXPECT_EQ(slot->size_class, c.size_class) << c.description;
    EXPECT_GE(slots_->octets(*slot).size(), c.length) << c.description;
    slots_->give_back(*slot);
  }
}

TEST_F(MessageSlotsTest, RefusesWhatNoClassHolds) {
  EXPECT_FALSE(slots_->take(65537));
}

TEST_F(MessageSlotsTest, ShortMessagesFallUpToMediumButNotToLarge) {
  EXPECT_EQ(slots_->take(100)->size_class, SlotClass::Small);
  EXPECT_EQ(slots_->take(100)->size_class, SlotClass::Medium);
  EXPECT_EQ(slots_->take(100)->size_class, SlotClass::Medium);
  EXPECT_FALSE(slots_->take(100));
  EXPECT_FALSE(slots_->take(5000));
  EXPECT_EQ(slots_->take(20000)->size_class, SlotClass::Large);
  EXPECT_FALSE(slots_->take(20000));
}

TEST_F(MessageSlotsTest, GivesASlotBackToItsClass) {
  for (int round = 0; round < 5; ++round) {
    const auto small = slots_->take(100);
    const auto medium = slots_->take(100);
    ASSERT_TRUE(small && medium);
    slots_->give_back(*medium);
    slots_->give_back(*small);
  }
  EXPECT_EQ(slots_->pool(SlotClass::Small).free_count(), 1U);
  EXPECT_EQ(slots_->pool(SlotClass::Medium).free_count(), 2U);
  EXPECT_EQ(slots_->pool(SlotClass::Small).counters().refused.value(), 5U);
}

TEST_F(MessageSlotsTest, StoresAMessageInOnePiece) {
  std::string start = "INVITE ", rest = "sip:a SIP/2.0\r\n\r\n";
  const auto stored = slots_->store(std::array<std::string_view, 3>{start, "", rest});
  start = rest = "gone";
  ASSERT_TRUE(stored);
  EXPECT_EQ(slots_->text_of(*stored), "INVITE sip:a SIP/2.0\r\n\r\n");
  EXPECT_EQ(stored->slot.size_class, SlotClass::Small);
  slots_->give_back(stored->slot);
  EXPECT_EQ(slots_->pool(SlotClass::Small).free_count(), 1U);
}

TEST_F(MessageSlotsTest, StoresByTheLengthOfAllPieces) {
  const std::string half(1025, 'x');
  const std::array<std::string_view, 2> pieces{half, half};
  EXPECT_EQ(length_of(pieces), 2050U);
  for (size_t free = 2; free > 0; --free) {
    const auto stored = slots_->store(pieces);
    ASSERT_TRUE(stored) << free;
    EXPECT_EQ(stored->slot.size_class, SlotClass::Medium);
    EXPECT_EQ(stored->length, 2050U);
  }
  EXPECT_FALSE(slots_->store(pieces));
}

TEST_F(MessageSlotsTest, StoresNothingThatNoClassHolds) {
  const std::string half(32769, 'x');
  EXPECT_FALSE(slots_->store(std::array<std::string_view, 2>{half, half}));
}

TEST(MessageSlotsJoinTest, FillsTheFrontOfItsRoom) {
  std::array<char, 8> room;
  room.fill('-');
  EXPECT_EQ(join(std::array<std::string_view, 2>{"ab", "cd"}, room), "abcd");
  EXPECT_EQ(std::string(room.data(), room.size()), "abcd----");
  EXPECT_EQ(join({}, room), "");
}

TEST(MessageSlotsReserveTest, ReportsWhatTheSystemCannotReserve) {
  const auto reserved = MessageSlots::reserve({.small_count = SIZE_MAX / 4096});
  ASSERT_FALSE(reserved);
  EXPECT_EQ(reserved.error().code, ErrorCode::MemoryReserve);
}

}  // namespace
}  // namespace siplb::transport
