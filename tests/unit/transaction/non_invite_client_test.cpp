#include "transaction/non_invite_client.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace siplb::transaction {
namespace {

using namespace std::chrono_literals;
using State = NonInviteClient::State;
using Due = NonInviteClient::Due;
using Answer = NonInviteClient::Answer;
using Statuses = std::initializer_list<uint16_t>;

constexpr Instant kStart{std::chrono::hours(1)};
constexpr TimerOptions kDefaults{};
constexpr TimerOptions kQuick{.t1 = 100ms, .t2 = 150ms, .non_invite = 1s};

// Serves each deadline on time until `end`; returns when each repeat came.
std::vector<Duration> repeats_of(NonInviteClient& client, const TimerOptions& timers,
                                 Duration end = Duration::max()) {
  std::vector<Duration> repeats;
  for (auto due_at = client.deadline(timers); due_at && *due_at - kStart < end;
       due_at = client.deadline(timers)) {
    EXPECT_EQ(client.on_timer(timers, *due_at - 1ns), Due::Nothing);
    if (client.on_timer(timers, *due_at) == Due::Repeat) repeats.push_back(*due_at - kStart);
  }
  return repeats;
}

NonInviteClient proceeding_client(Hop hop) {
  NonInviteClient client(hop, kStart);
  EXPECT_EQ(client.on_response(100), Answer::Absorb);
  EXPECT_EQ(client.state(), State::Proceeding);
  return client;
}

TEST(NonInviteClientTest, HasNothingToDoBeforeItIsStarted) {
  NonInviteClient client;
  EXPECT_EQ(client.state(), State::Terminated);
  EXPECT_FALSE(client.is_pending());
  EXPECT_EQ(client.deadline(kDefaults), std::nullopt);
  EXPECT_EQ(client.on_timer(kDefaults, kStart), Due::Nothing);
}

TEST(NonInviteClientTest, StartsTrying) {
  const NonInviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(client.state(), State::Trying);
  EXPECT_EQ(client.sent_at(), kStart);
  EXPECT_TRUE(client.is_waiting());
  EXPECT_TRUE(client.is_pending());
}

TEST(NonInviteClientTest, RepeatsWithPausesUpToT2UntilItTimesOut) {
  NonInviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(repeats_of(client, kDefaults),
            (std::vector<Duration>{500ms, 1500ms, 3500ms, 7500ms, 11500ms, 15500ms, 19500ms,
                                   23500ms, 27500ms, 31500ms}));
  EXPECT_EQ(client.state(), State::Terminated);
  EXPECT_EQ(client.sent_at(), kStart);
}

TEST(NonInviteClientTest, RepeatsByTheConfiguredTimes) {
  NonInviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(repeats_of(client, kQuick),
            (std::vector<Duration>{100ms, 250ms, 400ms, 550ms, 700ms, 850ms}));
}

TEST(NonInviteClientTest, RepeatsAnyNumberOfTimes) {
  constexpr TimerOptions timers{.t1 = 10ms, .t2 = 10ms, .non_invite = 32s};
  NonInviteClient client(Hop::Datagram, kStart);
  const std::vector<Duration> repeats = repeats_of(client, timers);
  EXPECT_EQ(repeats.size(), 3199U);
  EXPECT_EQ(repeats.back(), 31990ms);
}

TEST(NonInviteClientTest, NeverRepeatsOverAStream) {
  NonInviteClient client(Hop::Stream, kStart);
  EXPECT_EQ(client.deadline(kDefaults), kStart + 32s);
  EXPECT_EQ(client.on_response(100), Answer::Absorb);
  EXPECT_EQ(client.deadline(kDefaults), kStart + 32s);
  EXPECT_EQ(repeats_of(client, kDefaults), std::vector<Duration>{});
  EXPECT_EQ(client.state(), State::Terminated);
}

TEST(NonInviteClientTest, TimesOutOnceWithOrWithoutAProvisional) {
  for (const Hop hop : {Hop::Datagram, Hop::Stream}) {
    for (NonInviteClient client : {NonInviteClient(hop, kStart), proceeding_client(hop)}) {
      EXPECT_NE(client.on_timer(kDefaults, kStart + 32s - 1ns), Due::TimedOut);
      EXPECT_EQ(client.deadline(kDefaults), kStart + 32s);
      EXPECT_EQ(client.on_timer(kDefaults, kStart + 32s), Due::TimedOut);
      EXPECT_EQ(client.state(), State::Terminated);
      EXPECT_FALSE(client.is_pending());
      EXPECT_EQ(client.deadline(kDefaults), std::nullopt);
      EXPECT_EQ(client.on_timer(kDefaults, kStart + 33s), Due::Nothing);
    }
  }
}

TEST(NonInviteClientTest, TimesOutByTheConfiguredTime) {
  NonInviteClient client(Hop::Stream, kStart);
  EXPECT_EQ(client.deadline(kQuick), kStart + 1s);
  EXPECT_EQ(client.on_timer(kQuick, kStart + 1s), Due::TimedOut);
}

TEST(NonInviteClientTest, TimesOutRatherThanRepeatsWhenBothAreDue) {
  constexpr TimerOptions timers{.t1 = 1s, .non_invite = 1s};
  NonInviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(client.on_timer(timers, kStart + 1s), Due::TimedOut);
}

TEST(NonInviteClientTest, RepeatsOnceForAllThatItMissed) {
  NonInviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(client.on_timer(kDefaults, kStart + 11500ms), Due::Repeat);
  EXPECT_EQ(client.on_timer(kDefaults, kStart + 11500ms), Due::Nothing);
  EXPECT_EQ(client.deadline(kDefaults), kStart + 15500ms);
}

TEST(NonInviteClientTest, RepeatsOnceForAllThatItMissedWhileProceeding) {
  NonInviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(client.on_response(100), Answer::Absorb);
  EXPECT_EQ(client.on_timer(kDefaults, kStart + 9s), Due::Repeat);
  EXPECT_EQ(client.on_timer(kDefaults, kStart + 9s), Due::Nothing);
  EXPECT_EQ(client.deadline(kDefaults), kStart + 12500ms);
}

TEST(NonInviteClientTest, StillTimesOutWhenItsRepeatsAreStopped) {
  NonInviteClient client(Hop::Datagram, kStart);
  client.stop_repeating();
  EXPECT_EQ(client.state(), State::Trying);
  EXPECT_EQ(client.deadline(kDefaults), kStart + 32s);
  EXPECT_EQ(client.on_timer(kDefaults, kStart + 31s), Due::Nothing);
  EXPECT_EQ(client.on_timer(kDefaults, kStart + 32s), Due::TimedOut);
}

TEST(NonInviteClientTest, EndsOnATransportErrorUntilAFinalCame) {
  for (NonInviteClient client :
       {NonInviteClient(Hop::Datagram, kStart), proceeding_client(Hop::Datagram)}) {
    client.on_transport_error();
    EXPECT_EQ(client.state(), State::Terminated);
    EXPECT_EQ(client.deadline(kDefaults), std::nullopt);
  }
}

TEST(NonInviteClientTest, IgnoresATransportErrorOnceCompleted) {
  NonInviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(client.on_response(200), Answer::Pass);
  client.on_transport_error();
  EXPECT_EQ(client.state(), State::Completed);
}

TEST(NonInviteClientTest, AbsorbsEveryProvisional) {
  NonInviteClient client(Hop::Datagram, kStart);
  for (const uint16_t status : Statuses{100, 180, 199}) {
    EXPECT_EQ(client.on_response(status), Answer::Absorb);
    EXPECT_EQ(client.state(), State::Proceeding);
    EXPECT_FALSE(client.is_waiting());
    EXPECT_TRUE(client.is_pending());
  }
}

TEST(NonInviteClientTest, RepeatsEveryT2AfterTheRepeatThatAProvisionalFindsRunning) {
  NonInviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(client.on_response(100), Answer::Absorb);
  EXPECT_EQ(
      repeats_of(client, kDefaults),
      (std::vector<Duration>{500ms, 4500ms, 8500ms, 12500ms, 16500ms, 20500ms, 24500ms, 28500ms}));
  EXPECT_EQ(client.state(), State::Terminated);
}

TEST(NonInviteClientTest, RepeatsEveryT2OnceProceedingByTheConfiguredTimes) {
  constexpr TimerOptions timers{.t1 = 100ms, .t2 = 1s, .non_invite = 4s};
  NonInviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(repeats_of(client, timers, 400ms), (std::vector<Duration>{100ms, 300ms}));
  EXPECT_EQ(client.on_response(100), Answer::Absorb);
  EXPECT_EQ(repeats_of(client, timers), (std::vector<Duration>{700ms, 1700ms, 2700ms, 3700ms}));
}

TEST(NonInviteClientTest, KeepsItsPausesWhenAnotherProvisionalComes) {
  NonInviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(client.on_response(100), Answer::Absorb);
  EXPECT_EQ(repeats_of(client, kDefaults, 5s), (std::vector<Duration>{500ms, 4500ms}));
  EXPECT_EQ(client.on_response(100), Answer::Absorb);
  EXPECT_EQ(client.deadline(kDefaults), kStart + 8500ms);
}

TEST(NonInviteClientTest, KeepsItsPausesWhenAProvisionalComesAfter256Repeats) {
  constexpr TimerOptions timers{.t1 = 10ms, .t2 = 100ms, .non_invite = 32s};
  NonInviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(repeats_of(client, timers, 25430ms).size(), 256U);
  const auto due_at = client.deadline(timers);
  EXPECT_EQ(client.on_response(100), Answer::Absorb);
  EXPECT_EQ(client.deadline(timers), due_at);
}

TEST(NonInviteClientTest, PassesAFinalWithOrWithoutAProvisional) {
  for (const Hop hop : {Hop::Datagram, Hop::Stream}) {
    for (const uint16_t status : Statuses{200, 302, 404, 503, 699}) {
      for (NonInviteClient client : {NonInviteClient(hop, kStart), proceeding_client(hop)}) {
        EXPECT_EQ(client.on_response(status), Answer::Pass);
        EXPECT_EQ(client.state(), State::Completed);
        EXPECT_FALSE(client.is_pending());
        EXPECT_EQ(client.deadline(kDefaults), std::nullopt);
        EXPECT_EQ(client.on_timer(kDefaults, kStart + 1h), Due::Nothing);
      }
    }
  }
}

TEST(NonInviteClientTest, PassesAFinalThatComesAgain) {
  NonInviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(client.on_response(404), Answer::Pass);
  EXPECT_EQ(client.on_response(404), Answer::Pass);
  EXPECT_EQ(client.on_response(100), Answer::Absorb);
  EXPECT_EQ(client.state(), State::Completed);
}

TEST(NonInviteClientTest, AbsorbsEverythingOnceTerminated) {
  NonInviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(client.on_timer(kDefaults, kStart + 32s), Due::TimedOut);
  for (const uint16_t status : Statuses{100, 200, 404}) {
    EXPECT_EQ(client.on_response(status), Answer::Absorb);
    EXPECT_EQ(client.state(), State::Terminated);
  }
}

}  // namespace
}  // namespace siplb::transaction
