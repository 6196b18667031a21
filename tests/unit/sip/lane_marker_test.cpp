#include "sip/lane_marker.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace siplb::sip {
namespace {

std::optional<uint8_t> read_tight(std::string_view text) {
  const std::unique_ptr<char[]> octets(new char[text.size()]);
  text.copy(octets.get(), text.size());
  return read_lane({octets.get(), text.size()});
}

TEST(LaneMarkerTest, IsReadAsItWasWritten) {
  for (uint8_t lane = 0; lane < 100; ++lane) {
    EXPECT_EQ(read_tight(lane_mark(lane)), lane);
  }
}

TEST(LaneMarkerTest, MayBeCutOffBehindTheLane) {
  EXPECT_EQ(read_tight("QQQQQQQ07"), 7);
  EXPECT_EQ(read_tight("QQQQQQQ07abc"), 7);
  EXPECT_EQ(read_tight("QQQQQQQ0"), std::nullopt);
  EXPECT_EQ(read_tight("QQQQQQQ"), std::nullopt);
  EXPECT_EQ(read_tight(""), std::nullopt);
}

TEST(LaneMarkerTest, IsReadInAnyCase) {
  EXPECT_EQ(read_tight("qqqQQqq42"), 42);
}

TEST(LaneMarkerTest, IsNothingElse) {
  for (const char* text : {"QQQQQQP07", "QQQQQQQx7", "QQQQQQQ7x", "QQQQQQQ-1", "QQQQQQ007"}) {
    EXPECT_EQ(read_tight(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace siplb::sip
