#include "transaction/non_invite_server.h"

#include <gtest/gtest.h>

namespace siplb::transaction {
namespace {

using namespace std::chrono_literals;
using State = NonInviteServer::State;
using Due = NonInviteServer::Due;
using Repeat = NonInviteServer::Repeat;

constexpr Instant kStart{std::chrono::hours(1)};
constexpr TimerOptions kDefaults{};

NonInviteServer proceeding_server() {
  NonInviteServer server(Hop::Datagram, kStart);
  EXPECT_EQ(server.on_timer(kDefaults, kStart + 3500ms), Due::SendTrying);
  return server;
}

TEST(NonInviteServerTest, HasNothingToDoBeforeItIsStarted) {
  NonInviteServer server;
  EXPECT_EQ(server.state(), State::Completed);
  EXPECT_EQ(server.deadline(kDefaults), std::nullopt);
  EXPECT_EQ(server.on_timer(kDefaults, kStart), Due::Nothing);
}

TEST(NonInviteServerTest, SendsOneTryingOnceTheClientRepeatsEveryT2) {
  NonInviteServer server(Hop::Datagram, kStart);
  EXPECT_EQ(server.state(), State::Trying);
  EXPECT_EQ(server.deadline(kDefaults), kStart + 3500ms);
  EXPECT_EQ(server.on_timer(kDefaults, kStart + 3500ms - 1ns), Due::Nothing);
  EXPECT_EQ(server.state(), State::Trying);
  EXPECT_EQ(server.on_timer(kDefaults, kStart + 3500ms), Due::SendTrying);
  EXPECT_EQ(server.state(), State::Proceeding);
  EXPECT_EQ(server.deadline(kDefaults), std::nullopt);
  EXPECT_EQ(server.on_timer(kDefaults, kStart + 1h), Due::Nothing);
}

TEST(NonInviteServerTest, SendsTryingByTheConfiguredTimes) {
  struct Case {
    const char* description;
    TimerOptions timers;
    Duration after;
  };
  const Case cases[] = {
      {"T2 is a power of two of T1", {.t1 = 100ms, .t2 = 400ms}, 300ms},
      {"T2 cuts the last doubling short", {.t1 = 100ms, .t2 = 300ms}, 300ms},
      {"the first doubling is T2", {.t1 = 100ms, .t2 = 200ms}, 100ms},
      {"T1 is T2", {.t1 = 100ms, .t2 = 100ms}, 100ms},
      {"T1 is longer than T2", {.t1 = 300ms, .t2 = 100ms}, 100ms},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.description);
    NonInviteServer server(Hop::Datagram, kStart);
    EXPECT_EQ(server.deadline(c.timers), kStart + c.after);
    EXPECT_EQ(server.on_timer(c.timers, kStart + c.after - 1ns), Due::Nothing);
    EXPECT_EQ(server.on_timer(c.timers, kStart + c.after), Due::SendTrying);
  }
}

TEST(NonInviteServerTest, SendsNoTryingOverAStream) {
  NonInviteServer server(Hop::Stream, kStart);
  EXPECT_EQ(server.deadline(kDefaults), std::nullopt);
  EXPECT_EQ(server.on_timer(kDefaults, kStart + 1h), Due::Nothing);
  EXPECT_EQ(server.state(), State::Trying);
}

TEST(NonInviteServerTest, AbsorbsARepeatWhileTrying) {
  const NonInviteServer server(Hop::Datagram, kStart);
  EXPECT_EQ(server.on_request(), Repeat::Absorb);
  EXPECT_EQ(server.state(), State::Trying);
}

TEST(NonInviteServerTest, AnswersARepeatWithTryingWhileProceeding) {
  const NonInviteServer server = proceeding_server();
  EXPECT_EQ(server.on_request(), Repeat::SendTrying);
  EXPECT_EQ(server.state(), State::Proceeding);
}

TEST(NonInviteServerTest, IsCompletedByAFinalWithOrWithoutATrying) {
  for (NonInviteServer server : {NonInviteServer(Hop::Datagram, kStart),
                                 NonInviteServer(Hop::Stream, kStart), proceeding_server()}) {
    server.on_final();
    EXPECT_EQ(server.state(), State::Completed);
    EXPECT_EQ(server.deadline(kDefaults), std::nullopt);
    EXPECT_EQ(server.on_timer(kDefaults, kStart + 1h), Due::Nothing);
    EXPECT_EQ(server.on_request(), Repeat::SendFinal);
    EXPECT_EQ(server.state(), State::Completed);
  }
}

}  // namespace
}  // namespace siplb::transaction
