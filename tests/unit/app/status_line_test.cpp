#include "app/status_line.h"

#include <gtest/gtest.h>

namespace siplb::app {
namespace {

using namespace std::chrono_literals;

TEST(StatusLineTest, SaysHowManyAreUpAndHowBusyTheyAre) {
  StatusLine status;
  const Instant start{};
  EXPECT_EQ(status.next("serving", {.servers = 12, .servers_up = 11}, start),
            "serving: 11 of 12 servers up, 0 calls, 0 messages/s");
  EXPECT_EQ(
      status.next("serving", {.servers = 12, .servers_up = 12, .calls = 345, .messages = 2468},
                  start + 2s),
      "serving: 12 of 12 servers up, 345 calls, 1234 messages/s");
}

TEST(StatusLineTest, SaysWhetherItAnswersItselfInWholeMilliseconds) {
  EXPECT_EQ(StatusLine().next("serving", {.self_probe = 250us}, Instant{}),
            "serving: 0 of 0 servers up, 0 calls, 0 messages/s, self-probe 1 ms");
  EXPECT_EQ(StatusLine().next("serving", {.self_probe = observe::Vitals::kLost}, Instant{}),
            "serving: 0 of 0 servers up, 0 calls, 0 messages/s, self-probe lost");
}

TEST(StatusLineTest, MessagesOfEarlierTimesAreNoRateAtFirst) {
  EXPECT_EQ(StatusLine().next("serving", {.messages = 1'000'000}, Instant{}),
            "serving: 0 of 0 servers up, 0 calls, 0 messages/s");
}

TEST(StatusLineTest, SpeaksOnceASecondAndOnlyOfWhatHasChanged) {
  StatusLine status;
  Instant now{};
  EXPECT_TRUE(status.next("serving", {.calls = 1}, now));
  EXPECT_FALSE(status.next("serving", {.calls = 2}, now + 999ms)) << "too early";
  EXPECT_TRUE(status.next("serving", {.calls = 2}, now + 1s));
  EXPECT_FALSE(status.next("serving", {.calls = 2}, now + 2s)) << "nothing new";
  EXPECT_TRUE(status.next("draining", {.calls = 2}, now + 3s));
}

}  // namespace
}  // namespace siplb::app
