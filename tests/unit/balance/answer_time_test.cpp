#include "balance/answer_time.h"

#include <gtest/gtest.h>

namespace siplb::balance {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant kNow{std::chrono::hours(1)};

// With nothing asked for, patience is the smoothed time's alone.
Duration smoothed(const AnswerTime& time) {
  return time.patience(Duration::zero()) / AnswerTime::kSmoothedFactor;
}

TEST(AnswerTimeTest, WithoutASampleIsAsPatientAsAsked) {
  const AnswerTime time;
  EXPECT_EQ(time.patience(Duration::zero()), Duration::zero());
  EXPECT_EQ(time.patience(seconds(1)), seconds(1));
  EXPECT_EQ(time.patience(seconds(9)), seconds(9));
}

TEST(AnswerTimeTest, FirstSampleSetsTheSmoothedTime) {
  AnswerTime time;
  time.on_first_answer(milliseconds(400), kNow);
  EXPECT_EQ(smoothed(time), milliseconds(400));
}

TEST(AnswerTimeTest, FirstSampleOfZeroIsASample) {
  AnswerTime time;
  time.on_first_answer(Duration::zero(), kNow);
  time.on_first_answer(milliseconds(80), kNow);
  EXPECT_EQ(smoothed(time), milliseconds(10));
}

TEST(AnswerTimeTest, EachSampleMovesItByAnEighthOfTheDifference) {
  AnswerTime time;
  time.on_first_answer(milliseconds(400), kNow);
  time.on_first_answer(milliseconds(800), kNow);
  EXPECT_EQ(smoothed(time), milliseconds(450));
  time.on_first_answer(milliseconds(50), kNow);
  EXPECT_EQ(smoothed(time), milliseconds(400));
}

TEST(AnswerTimeTest, FollowsAServerThatHasBecomeFast) {
  AnswerTime time;
  time.on_first_answer(milliseconds(900), kNow);
  for (int i = 0; i < 50; ++i) time.on_first_answer(milliseconds(10), kNow);
  EXPECT_LT(smoothed(time), milliseconds(12));
  EXPECT_GE(smoothed(time), milliseconds(10));
}

TEST(AnswerTimeTest, FurtherAnswersAreNoSamples) {
  AnswerTime time;
  time.on_answer(kNow);
  EXPECT_EQ(time.patience(seconds(1)), seconds(1));
  time.on_first_answer(milliseconds(400), kNow);
  time.on_answer(kNow + seconds(5));
  EXPECT_EQ(smoothed(time), milliseconds(400));
}

TEST(AnswerTimeTest, PatienceIsBoundedFromBothSides) {
  AnswerTime time;
  time.on_first_answer(milliseconds(500), kNow);
  EXPECT_EQ(time.patience(milliseconds(1999)), seconds(2));
  EXPECT_EQ(time.patience(seconds(3)), seconds(3));
  AnswerTime slow;
  slow.on_first_answer(std::chrono::minutes(3), kNow);
  EXPECT_EQ(slow.patience(seconds(1)), AnswerTime::kSilenceMax);
  EXPECT_EQ(slow.patience(seconds(5)), seconds(5));
}

TEST(AnswerTimeTest, RemembersItsLastAnswerOfAnyKind) {
  AnswerTime time;
  EXPECT_FALSE(time.has_answered_within(std::chrono::hours(9), kNow));
  time.on_first_answer(milliseconds(400), kNow);
  EXPECT_TRUE(time.has_answered_within(seconds(1), kNow));
  EXPECT_TRUE(time.has_answered_within(seconds(1), kNow + seconds(1)));
  EXPECT_FALSE(time.has_answered_within(seconds(1), kNow + seconds(1) + Duration(1)));
  time.on_answer(kNow + seconds(2));
  EXPECT_TRUE(time.has_answered_within(seconds(1), kNow + seconds(3)));
}

}  // namespace
}  // namespace siplb::balance
