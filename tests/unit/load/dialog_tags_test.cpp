#include "load/dialog_tags.h"

#include <gtest/gtest.h>

namespace siplb::load {
namespace {

constexpr uint32_t kCallsMax = 3;

TEST(DialogTagsTest, KnowsNoCallAtFirst) {
  const DialogTags tags(kCallsMax);
  for (uint32_t number = 0; number < kCallsMax; ++number) {
    EXPECT_EQ(tags.standing(number, "a"), DialogStanding::Forgotten);
  }
}

TEST(DialogTagsTest, TellsTheDialogOfACallFromAnyOther) {
  DialogTags tags(kCallsMax);
  tags.start(1);
  EXPECT_EQ(tags.standing(1, "a"), DialogStanding::Late) << "the call took none";
  tags.take(1, "a");
  EXPECT_EQ(tags.standing(1, "a"), DialogStanding::Known);
  EXPECT_EQ(tags.standing(1, "b"), DialogStanding::Duplicate);
  EXPECT_EQ(tags.standing(1, ""), DialogStanding::Duplicate) << "no tag is a tag of its own";
}

TEST(DialogTagsTest, KnowsAReleasedDialogBesideTheOneTaken) {
  DialogTags tags(kCallsMax);
  tags.start(1);
  tags.take(1, "a");
  tags.release(1, "b");
  EXPECT_EQ(tags.standing(1, "a"), DialogStanding::Known);
  EXPECT_EQ(tags.standing(1, "b"), DialogStanding::Known);
  EXPECT_EQ(tags.standing(1, "c"), DialogStanding::Duplicate);
}

TEST(DialogTagsTest, ForgetsTheOldestCallWhenFullAndBeginsItsPlaceAnew) {
  DialogTags tags(kCallsMax);
  for (uint32_t number = 0; number < kCallsMax; ++number) {
    tags.start(number);
    tags.take(number, "a");
  }
  EXPECT_EQ(tags.standing(0, "a"), DialogStanding::Known);
  tags.start(kCallsMax);
  EXPECT_EQ(tags.standing(0, "a"), DialogStanding::Forgotten);
  EXPECT_EQ(tags.standing(1, "a"), DialogStanding::Known);
  EXPECT_EQ(tags.standing(kCallsMax, "a"), DialogStanding::Late);
}

TEST(DialogTagsTest, WritesNothingIntoThePlaceOfALaterCall) {
  DialogTags tags(kCallsMax);
  tags.start(0);
  tags.start(kCallsMax);
  tags.take(0, "a");
  tags.release(0, "b");
  EXPECT_EQ(tags.standing(kCallsMax, "a"), DialogStanding::Late);
  EXPECT_EQ(tags.standing(kCallsMax, "b"), DialogStanding::Late);
}

}  // namespace
}  // namespace siplb::load
