#include "transaction/timers.h"

#include <gtest/gtest.h>

namespace siplb::transaction {
namespace {

using namespace std::chrono_literals;

TEST(RepeatAfterTest, PausesDouble) {
  EXPECT_EQ(repeat_after(500ms, Duration::max() / 4, 0), 500ms);
  EXPECT_EQ(repeat_after(500ms, Duration::max() / 4, 1), 1500ms);
  EXPECT_EQ(repeat_after(500ms, Duration::max() / 4, 2), 3500ms);
  EXPECT_EQ(repeat_after(500ms, Duration::max() / 4, 5), 31500ms);
}

TEST(RepeatAfterTest, PausesStayAtTheLongest) {
  EXPECT_EQ(repeat_after(500ms, 4s, 3), 7500ms);
  EXPECT_EQ(repeat_after(500ms, 4s, 4), 11500ms);
  EXPECT_EQ(repeat_after(500ms, 4s, 9), 31500ms);
  EXPECT_EQ(repeat_after(4s, 500ms, 2), 1500ms);
}

TEST(RepeatAfterDeathTest, WantsAPositiveT1) {
  EXPECT_DEATH(static_cast<void>(repeat_after(0s, 4s, 1)), "assertion failed");
}

}  // namespace
}  // namespace siplb::transaction
