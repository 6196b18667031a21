#include "app/time_text.h"

#include <gtest/gtest.h>

namespace siplb::app {
namespace {

TEST(TimeTextTest, CutsToMilliseconds) {
  const std::chrono::sys_seconds afternoon(std::chrono::seconds(1'795'276'800));
  EXPECT_EQ(time_text(afternoon), "2026-11-21T16:00:00.000Z");
  EXPECT_EQ(time_text(afternoon + std::chrono::microseconds(9'999)), "2026-11-21T16:00:00.009Z");
  EXPECT_EQ(time_text(afternoon - std::chrono::milliseconds(1)), "2026-11-21T15:59:59.999Z");
}

}  // namespace
}  // namespace siplb::app
