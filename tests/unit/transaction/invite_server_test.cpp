#include "transaction/invite_server.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <vector>

namespace siplb::transaction {
namespace {

using namespace std::chrono_literals;
using State = InviteServer::State;
using Due = InviteServer::Due;
using Repeat = InviteServer::Repeat;
using Statuses = std::initializer_list<uint16_t>;

constexpr Instant kStart{std::chrono::hours(1)};
constexpr Instant kAnswered = kStart + 10s;
constexpr TimerOptions kDefaults{};
constexpr TimerOptions kQuick{.t1 = 100ms, .t2 = 150ms, .invite = 1s};

// Whose client had heard a provisional response before.
InviteServer server_answered(uint16_t status, Hop hop = Hop::Datagram) {
  InviteServer server(hop, kStart);
  server.on_provisional();
  server.on_final(status, kAnswered);
  return server;
}

// Serves each deadline on time until none is left; returns when each final was sent again.
std::vector<Duration> repeats_of(InviteServer& server, const TimerOptions& timers) {
  std::vector<Duration> repeats;
  while (const std::optional<Instant> due_at = server.deadline(timers)) {
    EXPECT_EQ(server.on_timer(timers, *due_at - 1ns), Due::Nothing);
    if (server.on_timer(timers, *due_at) == Due::SendFinal) repeats.push_back(*due_at - kAnswered);
  }
  return repeats;
}

TEST(InviteServerTest, HasNothingToDoBeforeItIsStarted) {
  InviteServer server;
  EXPECT_EQ(server.state(), State::Terminated);
  EXPECT_EQ(server.deadline(kDefaults), std::nullopt);
  EXPECT_EQ(server.on_timer(kDefaults, kStart), Due::Nothing);
}

TEST(InviteServerTest, SendsOneTryingAfter200Milliseconds) {
  for (const Hop hop : {Hop::Datagram, Hop::Stream}) {
    for (const TimerOptions& timers : {kDefaults, kQuick}) {
      InviteServer server(hop, kStart);
      EXPECT_EQ(server.deadline(timers), kStart + 200ms);
      EXPECT_EQ(server.on_timer(timers, kStart + 200ms - 1ns), Due::Nothing);
      EXPECT_EQ(server.on_timer(timers, kStart + 200ms), Due::SendTrying);
      EXPECT_EQ(server.state(), State::Proceeding);
      EXPECT_EQ(server.deadline(timers), std::nullopt);
      EXPECT_EQ(server.on_timer(timers, kStart + 1h), Due::Nothing);
    }
  }
}

TEST(InviteServerTest, SendsNoTryingAfterAProvisional) {
  InviteServer server(Hop::Datagram, kStart);
  server.on_provisional();
  EXPECT_EQ(server.state(), State::Proceeding);
  EXPECT_EQ(server.deadline(kDefaults), std::nullopt);
  EXPECT_EQ(server.on_timer(kDefaults, kStart + 1h), Due::Nothing);
}

TEST(InviteServerTest, SendsNoTryingAfterAFinal) {
  for (const uint16_t status : Statuses{200, 486}) {
    InviteServer server(Hop::Datagram, kStart);
    server.on_final(status, kStart + 100ms);
    EXPECT_EQ(server.on_timer(kDefaults, kStart + 200ms), Due::Nothing);
  }
}

TEST(InviteServerTest, SendsNoTryingWhenThatIsLeftToTheServer) {
  InviteServer server(Hop::Datagram, kStart);
  server.leave_trying_to_server();
  EXPECT_EQ(server.state(), State::Proceeding);
  EXPECT_EQ(server.deadline(kDefaults), std::nullopt);
  EXPECT_EQ(server.on_timer(kDefaults, kStart + 1h), Due::Nothing);
}

TEST(InviteServerTest, AnswersARepeatWithTheProvisionalWhileProceeding) {
  InviteServer server(Hop::Datagram, kStart);
  server.on_provisional();
  EXPECT_EQ(server.on_request(), Repeat::SendProvisional);
  EXPECT_EQ(server.state(), State::Proceeding);
}

TEST(InviteServerTest, IgnoresAnAckWhileProceeding) {
  InviteServer server(Hop::Datagram, kStart);
  EXPECT_FALSE(server.on_ack());
  EXPECT_EQ(server.state(), State::Proceeding);
}

TEST(InviteServerTest, LeavesA2xxToBothEnds) {
  for (const Hop hop : {Hop::Datagram, Hop::Stream}) {
    for (const uint16_t status : Statuses{200, 299}) {
      InviteServer server = server_answered(status, hop);
      EXPECT_EQ(server.state(), State::Accepted);
      EXPECT_EQ(server.deadline(kDefaults), std::nullopt);
      EXPECT_EQ(server.on_timer(kDefaults, kAnswered + 1h), Due::Nothing);
      EXPECT_EQ(server.on_request(), Repeat::Absorb);
      EXPECT_FALSE(server.on_ack());
      EXPECT_EQ(server.state(), State::Accepted);
    }
  }
}

TEST(InviteServerTest, RepeatsANon2xxWithPausesUpToT2UntilItGivesUp) {
  for (const uint16_t status : Statuses{300, 486, 699}) {
    InviteServer server = server_answered(status);
    EXPECT_EQ(server.state(), State::Completed);
    EXPECT_EQ(repeats_of(server, kDefaults),
              (std::vector<Duration>{500ms, 1500ms, 3500ms, 7500ms, 11500ms, 15500ms, 19500ms,
                                     23500ms, 27500ms, 31500ms}));
    EXPECT_EQ(server.state(), State::Terminated);
  }
}

TEST(InviteServerTest, LeavesItToAClientThatHasHeardNothingToAskAgain) {
  InviteServer server(Hop::Datagram, kStart);
  server.on_final(486, kAnswered);
  EXPECT_EQ(server.deadline(kDefaults), kAnswered + 32s);
  EXPECT_EQ(server.on_request(), Repeat::SendFinal);
  EXPECT_EQ(repeats_of(server, kDefaults), std::vector<Duration>{});
  EXPECT_EQ(server.state(), State::Terminated);
}

TEST(InviteServerTest, RepeatsToAClientThatWasSentTheTryingThatWasDue) {
  InviteServer server(Hop::Datagram, kStart);
  ASSERT_EQ(server.on_timer(kDefaults, kStart + 200ms), Due::SendTrying);
  server.on_final(486, kAnswered);
  EXPECT_EQ(repeats_of(server, kDefaults).size(), 10u);
}

TEST(InviteServerTest, RepeatsANon2xxByTheConfiguredTimes) {
  InviteServer server = server_answered(486);
  EXPECT_EQ(repeats_of(server, kQuick),
            (std::vector<Duration>{100ms, 250ms, 400ms, 550ms, 700ms, 850ms}));
}

TEST(InviteServerTest, NeverRepeatsAFinalOverAStream) {
  InviteServer server = server_answered(486, Hop::Stream);
  EXPECT_EQ(server.deadline(kDefaults), kAnswered + 32s);
  EXPECT_EQ(repeats_of(server, kDefaults), std::vector<Duration>{});
  EXPECT_EQ(server.state(), State::Terminated);
}

TEST(InviteServerTest, RepeatsAFinalOnceForAllThatItMissed) {
  InviteServer server = server_answered(486);
  EXPECT_EQ(server.on_timer(kDefaults, kAnswered + 11500ms), Due::SendFinal);
  EXPECT_EQ(server.on_timer(kDefaults, kAnswered + 11500ms), Due::Nothing);
  EXPECT_EQ(server.deadline(kDefaults), kAnswered + 15500ms);
}

TEST(InviteServerTest, GivesUpOnceOverEitherHop) {
  for (const Hop hop : {Hop::Datagram, Hop::Stream}) {
    InviteServer server = server_answered(486, hop);
    EXPECT_NE(server.on_timer(kDefaults, kAnswered + 32s - 1ns), Due::GaveUp);
    EXPECT_EQ(server.deadline(kDefaults), kAnswered + 32s);
    EXPECT_EQ(server.on_timer(kDefaults, kAnswered + 32s), Due::GaveUp);
    EXPECT_EQ(server.state(), State::Terminated);
    EXPECT_EQ(server.deadline(kDefaults), std::nullopt);
    EXPECT_EQ(server.on_timer(kDefaults, kAnswered + 33s), Due::Nothing);
  }
}

TEST(InviteServerTest, GivesUpByTheConfiguredTime) {
  InviteServer server = server_answered(486, Hop::Stream);
  EXPECT_EQ(server.deadline(kQuick), kAnswered + 1s);
  EXPECT_EQ(server.on_timer(kQuick, kAnswered + 1s), Due::GaveUp);
}

TEST(InviteServerTest, GivesUpRatherThanRepeatsWhenBothAreDue) {
  constexpr TimerOptions timers{.t1 = 1s, .invite = 1s};
  InviteServer server = server_answered(486);
  EXPECT_EQ(server.on_timer(timers, kAnswered + 1s), Due::GaveUp);
}

TEST(InviteServerTest, AnswersARepeatWithTheFinalWhileItAwaitsTheAck) {
  InviteServer server = server_answered(486);
  EXPECT_EQ(server.on_request(), Repeat::SendFinal);
  EXPECT_EQ(server.state(), State::Completed);
  EXPECT_EQ(server.deadline(kDefaults), kAnswered + 500ms);
}

TEST(InviteServerTest, IsConfirmedByTheFirstAck) {
  for (const Hop hop : {Hop::Datagram, Hop::Stream}) {
    InviteServer server = server_answered(486, hop);
    EXPECT_TRUE(server.on_ack());
    EXPECT_EQ(server.state(), State::Confirmed);
    EXPECT_EQ(server.deadline(kDefaults), std::nullopt);
    EXPECT_EQ(server.on_timer(kDefaults, kAnswered + 1h), Due::Nothing);
    EXPECT_EQ(server.on_request(), Repeat::Absorb);
    EXPECT_FALSE(server.on_ack());
    EXPECT_EQ(server.state(), State::Confirmed);
  }
}

TEST(InviteServerTest, AbsorbsEverythingOnceTerminated) {
  InviteServer server = server_answered(486);
  EXPECT_EQ(server.on_timer(kDefaults, kAnswered + 32s), Due::GaveUp);
  EXPECT_EQ(server.on_request(), Repeat::Absorb);
  EXPECT_FALSE(server.on_ack());
  EXPECT_EQ(server.state(), State::Terminated);
}

TEST(InviteServerDeathTest, TakesOneFinal) {
  InviteServer server = server_answered(200);
  EXPECT_DEATH(server.on_final(486, kAnswered), "assertion failed");
}

}  // namespace
}  // namespace siplb::transaction
