#include "ctl/top_frame.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "top_answers.h"

namespace siplb::ctl {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using Json = nlohmann::json;

TEST(TopFrameTest, ShowsRatesBetweenTwoLooks) {
  EXPECT_EQ(top_frame(test::two_looks(), 24),
            "siplb 0.1.0, up 2h\n"
            "calls 12   in 1000/s   out 500/s   503 0/s   dropped 10/s   ticks <1.00 ms\n"
            "\n"
            "SERVER  STATE  HEALTH  SINCE  CALLS  INFLIGHT  REQUESTS  4XX-6XX\n"
            "pbx/s1  ready  up         1m     12         0     250/s    5.0/s\n"
            "pbx/s2  ready  down               0         0       0/s      0/s\n");
}

TEST(TopFrameTest, KeepsWithinTheRowsOfATerminal) {
  const std::string frame = top_frame(test::two_looks(), 6);
  EXPECT_EQ(std::count(frame.begin(), frame.end(), '\n'), 6);
  EXPECT_THAT(frame, HasSubstr("\nand 1 more\n"));
  EXPECT_THAT(top_frame(test::two_looks(), 0), HasSubstr("\nand 2 more\n"));
}

TEST(TopFrameTest, ShowsNoRatesAcrossARestart) {
  Looks looks = test::two_looks();
  looks.now.traffic = test::traffic_at(1, 10);
  EXPECT_THAT(top_frame(looks, 24), HasSubstr("in 0/s   out 0/s"));
}

TEST(TopFrameTest, ShowsThatNothingHasHappened) {
  Looks looks = test::two_looks();
  looks.now.traffic = test::traffic_at(12, 1000);
  EXPECT_THAT(top_frame(looks, 24),
              HasSubstr("in 0/s   out 0/s   503 0/s   dropped 0/s   ticks -"));
  EXPECT_EQ(Json::parse(top_json(looks)).at("tick_p99_seconds"), nullptr);
}

TEST(TopFrameTest, SaysThatTheNodeDrains) {
  Looks looks = test::two_looks();
  Json status = Json::parse(looks.now.status);
  status["draining"] = true;
  looks.now.status = status.dump();
  EXPECT_THAT(top_frame(looks, 24), StartsWith("siplb 0.1.0, up 2h, DRAINING\n"));
}

TEST(TopFrameTest, SaysThatTicksAreLong) {
  Looks looks = test::two_looks();
  Json traffic = Json::parse(looks.now.traffic);
  traffic["ticks"][1]["count"] = 1500;
  looks.now.traffic = traffic.dump();
  EXPECT_THAT(top_frame(looks, 24), HasSubstr("ticks long\n"));
}

TEST(TopFrameTest, IsAnObjectForMachines) {
  const Json frame = Json::parse(top_json(test::two_looks()));
  EXPECT_EQ(frame.at("seconds"), 2.0);
  EXPECT_EQ(frame.at("calls"), 12);
  EXPECT_EQ(frame.at("per_second").at("received"), 1000.0);
  EXPECT_EQ(frame.at("tick_p99_seconds"), 0.001);
  EXPECT_EQ(frame.at("servers").at(0).at("requests_per_second"), 250.0);
  EXPECT_EQ(frame.at("servers").at(0).at("failures_per_second"), 5.0);
}

}  // namespace
}  // namespace siplb::ctl
