#include "proxy/counters.h"

#include <set>

#include <gtest/gtest.h>

namespace siplb::proxy {
namespace {

template <class Enum>
std::set<std::string_view> names_of() {
  std::set<std::string_view> names;
  for (size_t i = 0; i < static_cast<size_t>(Enum::kCount); ++i) {
    names.insert(name(static_cast<Enum>(i)));
  }
  return names;
}

TEST(CountersTest, EveryReasonHasANameOfItsOwn) {
  EXPECT_EQ(names_of<DropReason>().size(), static_cast<size_t>(DropReason::kCount));
  EXPECT_EQ(names_of<AbsorbReason>().size(), static_cast<size_t>(AbsorbReason::kCount));
  EXPECT_EQ(names_of<MessageKind>().size(), static_cast<size_t>(MessageKind::kCount));
  EXPECT_EQ(names_of<SealKind>().size(), static_cast<size_t>(SealKind::kCount));
}

TEST(CountersTest, NoDropOrAbsorbReasonIsCalledOther) {
  EXPECT_EQ(names_of<DropReason>().count("other"), 0U);
  EXPECT_EQ(names_of<AbsorbReason>().count("other"), 0U);
}

TEST(CountersTest, CodesWithoutASlotShareTheLast) {
  EXPECT_EQ(kAnswerCodes[answer_code_slot(483)], 483);
  EXPECT_EQ(answer_code_slot(699), kAnswerCodeSlots - 1);
  EXPECT_EQ(answer_code_slot(0), kAnswerCodeSlots - 1);
}

TEST(CountersTest, DifferenceIsWhatCameInLessWhatWasDecided) {
  LaneCounters counters(1, 1);
  EXPECT_EQ(counters.difference(), 0);
  counters.received[0][MessageKind::Request].add(4);
  counters.handed_in.add(2);
  EXPECT_EQ(counters.difference(), 6);
  counters.forwarded.add();
  counters.answered[answer_code_slot(503)].add();
  counters.absorbed[AbsorbReason::LocalAck].add();
  counters.dropped[DropReason::Route].add();
  counters.handed_out[MessageKind::Response].add();
  EXPECT_EQ(counters.difference(), 1);
  counters.originated[OriginatedKind::Cancel].add(9);
  EXPECT_EQ(counters.difference(), 1);
  counters.forwarded.add(2);
  EXPECT_EQ(counters.difference(), -1);
}

}  // namespace
}  // namespace siplb::proxy
