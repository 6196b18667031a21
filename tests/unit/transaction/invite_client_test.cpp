#include "transaction/invite_client.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace siplb::transaction {
namespace {

using namespace std::chrono_literals;
using State = InviteClient::State;
using Due = InviteClient::Due;
using Answer = InviteClient::Answer;
using Statuses = std::initializer_list<uint16_t>;

constexpr Instant kStart{std::chrono::hours(1)};
constexpr TimerOptions kDefaults{};
constexpr TimerOptions kQuick{.t1 = 100ms, .t2 = 150ms, .invite = 1s};

InviteClient client_after(std::initializer_list<uint16_t> statuses, Hop hop = Hop::Datagram) {
  InviteClient client(hop, kStart);
  for (const uint16_t status : statuses) static_cast<void>(client.on_response(status));
  return client;
}

// Serves each deadline on time until none is left; returns when each repeat came.
std::vector<Duration> repeats_of(InviteClient& client, const TimerOptions& timers) {
  std::vector<Duration> repeats;
  while (const std::optional<Instant> due_at = client.deadline(timers)) {
    EXPECT_EQ(client.on_timer(timers, *due_at - 1ns), Due::Nothing);
    if (client.on_timer(timers, *due_at) == Due::Repeat) repeats.push_back(*due_at - kStart);
  }
  return repeats;
}

TEST(InviteClientTest, HasNothingToDoBeforeItIsStarted) {
  InviteClient client;
  EXPECT_EQ(client.state(), State::Terminated);
  EXPECT_FALSE(client.is_pending());
  EXPECT_EQ(client.deadline(kDefaults), std::nullopt);
  EXPECT_EQ(client.on_timer(kDefaults, kStart), Due::Nothing);
}

TEST(InviteClientTest, StartsCalling) {
  const InviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(client.state(), State::Calling);
  EXPECT_EQ(client.sent_at(), kStart);
  EXPECT_TRUE(client.is_waiting());
  EXPECT_TRUE(client.is_pending());
}

TEST(InviteClientTest, RepeatsWithDoublingPausesUntilItTimesOut) {
  InviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(repeats_of(client, kDefaults),
            (std::vector<Duration>{500ms, 1500ms, 3500ms, 7500ms, 15500ms, 31500ms}));
  EXPECT_EQ(client.state(), State::Terminated);
  EXPECT_EQ(client.sent_at(), kStart);
}

TEST(InviteClientTest, PausesGrowPastT2) {
  InviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(repeats_of(client, kQuick), (std::vector<Duration>{100ms, 300ms, 700ms}));
}

TEST(InviteClientTest, NeverRepeatsOverAStream) {
  InviteClient client(Hop::Stream, kStart);
  EXPECT_EQ(client.deadline(kDefaults), kStart + 32s);
  EXPECT_EQ(repeats_of(client, kDefaults), std::vector<Duration>{});
  EXPECT_EQ(client.state(), State::Terminated);
}

TEST(InviteClientTest, TimesOutOnceOverEitherHop) {
  for (const Hop hop : {Hop::Datagram, Hop::Stream}) {
    InviteClient client(hop, kStart);
    EXPECT_NE(client.on_timer(kDefaults, kStart + 32s - 1ns), Due::TimedOut);
    EXPECT_EQ(client.deadline(kDefaults), kStart + 32s);
    EXPECT_EQ(client.on_timer(kDefaults, kStart + 32s), Due::TimedOut);
    EXPECT_EQ(client.state(), State::Terminated);
    EXPECT_FALSE(client.is_pending());
    EXPECT_EQ(client.deadline(kDefaults), std::nullopt);
    EXPECT_EQ(client.on_timer(kDefaults, kStart + 33s), Due::Nothing);
  }
}

TEST(InviteClientTest, TimesOutByTheConfiguredTime) {
  InviteClient client(Hop::Stream, kStart);
  EXPECT_EQ(client.deadline(kQuick), kStart + 1s);
  EXPECT_EQ(client.on_timer(kQuick, kStart + 1s), Due::TimedOut);
}

TEST(InviteClientTest, TimesOutRatherThanRepeatsWhenBothAreDue) {
  constexpr TimerOptions timers{.t1 = 1s, .invite = 1s};
  InviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(client.on_timer(timers, kStart + 1s), Due::TimedOut);
}

TEST(InviteClientTest, TimesOutBeforeAT1ThatIsLonger) {
  constexpr TimerOptions timers{.t1 = 5s, .invite = 1s};
  InviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(client.deadline(timers), kStart + 1s);
  EXPECT_EQ(repeats_of(client, timers), std::vector<Duration>{});
}

TEST(InviteClientTest, RepeatsOnceForAllThatItMissed) {
  InviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(client.on_timer(kDefaults, kStart + 3600ms), Due::Repeat);
  EXPECT_EQ(client.on_timer(kDefaults, kStart + 3600ms), Due::Nothing);
  EXPECT_EQ(client.deadline(kDefaults), kStart + 7500ms);
}

TEST(InviteClientTest, SkipsTheRepeatThatFallsDueAtTheLateCall) {
  InviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(client.on_timer(kDefaults, kStart + 1500ms), Due::Repeat);
  EXPECT_EQ(client.deadline(kDefaults), kStart + 3500ms);
}

TEST(InviteClientTest, StillTimesOutWhenItsRepeatsAreStopped) {
  InviteClient client(Hop::Datagram, kStart);
  client.stop_repeating();
  EXPECT_EQ(client.state(), State::Calling);
  EXPECT_EQ(client.deadline(kDefaults), kStart + 32s);
  EXPECT_EQ(client.on_timer(kDefaults, kStart + 31s), Due::Nothing);
  EXPECT_EQ(client.on_timer(kDefaults, kStart + 32s), Due::TimedOut);
}

TEST(InviteClientTest, EndsOnATransportErrorUntilAFinalCame) {
  for (InviteClient client : {client_after({}), client_after({180})}) {
    client.on_transport_error();
    EXPECT_EQ(client.state(), State::Terminated);
    EXPECT_EQ(client.deadline(kDefaults), std::nullopt);
  }
}

TEST(InviteClientTest, IgnoresATransportErrorOnceItHasAFinal) {
  for (const uint16_t status : Statuses{200, 486}) {
    InviteClient client = client_after({status});
    const State before = client.state();
    client.on_transport_error();
    EXPECT_EQ(client.state(), before) << status;
  }
}

TEST(InviteClientTest, WaitsWithoutATimerOnceItHasAProvisional) {
  for (const Hop hop : {Hop::Datagram, Hop::Stream}) {
    for (const uint16_t status : Statuses{100, 180, 199}) {
      InviteClient client(hop, kStart);
      EXPECT_EQ(client.on_response(status), Answer::Pass);
      EXPECT_EQ(client.state(), State::Proceeding);
      EXPECT_FALSE(client.is_waiting());
      EXPECT_TRUE(client.is_pending());
      EXPECT_EQ(client.deadline(kDefaults), std::nullopt);
      EXPECT_EQ(client.on_timer(kDefaults, kStart + 1h), Due::Nothing);
    }
  }
}

TEST(InviteClientTest, PassesEveryProvisional) {
  InviteClient client = client_after({100});
  EXPECT_EQ(client.on_response(180), Answer::Pass);
  EXPECT_EQ(client.on_response(180), Answer::Pass);
  EXPECT_EQ(client.state(), State::Proceeding);
}

TEST(InviteClientTest, IsAcceptedByA2xxWithOrWithoutAProvisional) {
  for (const uint16_t status : Statuses{200, 299}) {
    for (InviteClient client : {client_after({}), client_after({180})}) {
      EXPECT_EQ(client.on_response(status), Answer::Pass);
      EXPECT_EQ(client.state(), State::Accepted);
      EXPECT_FALSE(client.is_pending());
      EXPECT_EQ(client.deadline(kDefaults), std::nullopt);
      EXPECT_EQ(client.on_timer(kDefaults, kStart + 1h), Due::Nothing);
    }
  }
}

TEST(InviteClientTest, PassesOnly2xxOnceAccepted) {
  InviteClient client = client_after({200});
  EXPECT_EQ(client.on_response(200), Answer::Pass);
  EXPECT_EQ(client.on_response(299), Answer::Pass);
  EXPECT_EQ(client.on_response(180), Answer::Absorb);
  EXPECT_EQ(client.on_response(300), Answer::Absorb);
  EXPECT_EQ(client.on_response(486), Answer::Absorb);
  EXPECT_EQ(client.state(), State::Accepted);
}

TEST(InviteClientTest, AcknowledgesANon2xxWithOrWithoutAProvisional) {
  for (const Hop hop : {Hop::Datagram, Hop::Stream}) {
    for (const uint16_t status : Statuses{300, 487, 699}) {
      for (InviteClient client : {client_after({}, hop), client_after({180}, hop)}) {
        EXPECT_EQ(client.on_response(status), Answer::PassAndAck);
        EXPECT_EQ(client.state(), State::Completed);
        EXPECT_FALSE(client.is_pending());
        EXPECT_EQ(client.deadline(kDefaults), std::nullopt);
        EXPECT_EQ(client.on_timer(kDefaults, kStart + 1h), Due::Nothing);
      }
    }
  }
}

TEST(InviteClientTest, OnlyAcknowledgesANon2xxThatComesAgain) {
  InviteClient client = client_after({486});
  EXPECT_EQ(client.on_response(486), Answer::AckAgain);
  EXPECT_EQ(client.on_response(300), Answer::AckAgain);
  EXPECT_EQ(client.on_response(180), Answer::Absorb);
  EXPECT_EQ(client.on_response(200), Answer::Absorb);
  EXPECT_EQ(client.on_response(299), Answer::Absorb);
  EXPECT_EQ(client.state(), State::Completed);
}

TEST(InviteClientTest, AbsorbsEverythingOnceTerminated) {
  InviteClient client(Hop::Datagram, kStart);
  EXPECT_EQ(client.on_timer(kDefaults, kStart + 32s), Due::TimedOut);
  for (const uint16_t status : Statuses{100, 200, 486}) {
    EXPECT_EQ(client.on_response(status), Answer::Absorb);
    EXPECT_EQ(client.state(), State::Terminated);
  }
}

}  // namespace
}  // namespace siplb::transaction
