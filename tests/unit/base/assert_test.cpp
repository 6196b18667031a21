#include "base/assert.h"

#include <gtest/gtest.h>

namespace siplb {
namespace {

TEST(AssertTest, AConditionThatHoldsIsReadOnceAndDoesNothing) {
  int read_count = 0;
  SIPLB_ASSERT(++read_count == 1);
  EXPECT_EQ(read_count, 1);
}

TEST(AssertTest, ADebugAssertionIsReadInDebugBuildsOnly) {
  int read_count = 0;
  SIPLB_DASSERT(++read_count == 1);
#if defined(SIPLB_DEBUG)
  EXPECT_EQ(read_count, 1);
#else
  EXPECT_EQ(read_count, 0);
#endif
}

TEST(AssertDeathTest, ABrokenOneDiesAndSaysWhichAndWhere) {
  EXPECT_DEATH(SIPLB_ASSERT(1 + 1 == 3), "assert_test.cpp:[0-9]+: assertion failed: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace siplb
