#include "app/server_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace siplb::app {
namespace {

using balance::HealthReason;
using balance::HealthState;
using balance::OperatorState;
using testing::ElementsAre;
using testing::IsEmpty;

ServerView well() {
  return {.group = "pbx",
          .name = "s1",
          .address = "10.0.0.11:5060",
          .weight = 100,
          .configured_weight = 100,
          .health = HealthState::Up,
          .reason = HealthReason::Answered,
          .health_age = std::chrono::seconds(60)};
}

TEST(ServerViewTest, SaysNothingAgainstAServerThatIsWellOrUnknown) {
  ServerView view = well();
  EXPECT_THAT(obstacles(view), IsEmpty());
  EXPECT_TRUE(takes_new_work(view));
  view.health = HealthState::Unknown;
  EXPECT_TRUE(takes_new_work(view));
}

TEST(ServerViewTest, SaysWhatTheOperatorWants) {
  ServerView view = well();
  view.state = OperatorState::Drain;
  EXPECT_THAT(obstacles(view), ElementsAre("An operator drains it: no new work, dialogs go on."));
  view.state = OperatorState::Maint;
  EXPECT_THAT(obstacles(view),
              ElementsAre("An operator has put it into maintenance: no traffic at all."));
  EXPECT_FALSE(takes_new_work(view));
}

TEST(ServerViewTest, SaysWhoseWeightOfZeroItIs) {
  ServerView view = well();
  view.weight = view.configured_weight = 0;
  EXPECT_THAT(obstacles(view), ElementsAre("Its weight is 0 in the configuration."));
  view.configured_weight = 100;
  view.set_weight = 0;
  EXPECT_THAT(obstacles(view),
              ElementsAre("An operator has set its weight to 0; the configuration says 100."));
}

TEST(ServerViewTest, SaysWhyAndSinceWhenItIsDown) {
  struct Case {
    HealthReason reason;
    const char* text;
  };
  const Case cases[] = {
      {HealthReason::TimedOut, "It is down for 60 s: it does not answer probes in time."},
      {HealthReason::Refused,
       "It is down for 60 s: probes are refused, by a closed port or a reset connection."},
      {HealthReason::BadCode,
       "It is down for 60 s: it answers probes with a code that proves no life."},
  };
  ServerView view = well();
  view.health = HealthState::Down;
  for (const Case& each : cases) {
    view.reason = each.reason;
    EXPECT_THAT(obstacles(view), ElementsAre(each.text));
  }
  view.is_panicking = true;
  EXPECT_TRUE(takes_new_work(view));
}

TEST(ServerViewTest, SaysHowLongAPauseLasts) {
  ServerView view = well();
  view.busy_left = std::chrono::milliseconds(2001);
  EXPECT_THAT(obstacles(view), ElementsAre("It has answered 503: no new work for 3 s."));
}

TEST(ServerViewTest, SaysWhatItIsFullOf) {
  ServerView view = well();
  view.max_calls = view.max_inflight = 10;
  view.calls = 8;
  view.reserved_calls = 1;
  view.inflight = 9;
  EXPECT_THAT(obstacles(view), IsEmpty());
  view.reserved_calls = 2;
  view.inflight = 11;
  EXPECT_THAT(obstacles(view), ElementsAre("It has 10 of 10 calls (max_calls).",
                                           "It has 11 of 10 requests in flight (max_inflight)."));
}

TEST(ServerViewTest, SaysThatAPlaceIsEmpty) {
  ServerView view = well();
  view.address.clear();
  view.weight = 0;
  EXPECT_THAT(obstacles(view), ElementsAre("Its name leads to no address for this place."));
}

TEST(ServerViewTest, SaysAllThatStandsInTheWay) {
  ServerView view = well();
  view.state = OperatorState::Drain;
  view.health = HealthState::Down;
  view.reason = HealthReason::Refused;
  EXPECT_EQ(obstacles(view).size(), 2u);
}

}  // namespace
}  // namespace siplb::app
