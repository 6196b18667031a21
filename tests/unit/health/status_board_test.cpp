#include "health/status_board.h"

#include <vector>

#include <gtest/gtest.h>

namespace siplb::health {
namespace {

using balance::HealthReason;
using balance::HealthState;
using balance::OperatorState;
using balance::ProbeResult;
using balance::ServerHealth;
using balance::ServerIndex;
using std::chrono::seconds;

class StatusBoardTest : public testing::Test {
 protected:
  StatusBoardTest() {
    plan_.groups.resize(1);
    plan_.targets.resize(2);
    for (ProbeTarget& target : plan_.targets) {
      target.address = SockAddress::v4(0x0a000001, 5060);
      target.weight = 100;
    }
  }

  // Probes server 0, a second later, and shows what comes of it.
  void probe(const ServerHealth::Outcome& outcome) {
    now_ += seconds(1);
    health_.on_probe_sent(now_);
    if (health_.on_probe(outcome, now_)) board_.show(0, health_, now_);
  }
  // What a reader sees once all changes are published.
  [[nodiscard]] const balance::PoolStatus& published() {
    board_.publish(plan_, now_);
    return board_.published().look(0);
  }
  [[nodiscard]] std::vector<EventId> events() {
    std::vector<EventId> ids;
    while (const auto event = ring_.try_take()) {
      if (event->id != EventId::PanicBegan && event->id != EventId::PanicEnded) {
        EXPECT_EQ(event->args[0], 0);
      }
      ids.push_back(event->id);
    }
    return ids;
  }
  [[nodiscard]] std::vector<HealthReason> reasons() const {
    std::vector<HealthReason> reasons;
    for (const Transition& each : board_.transitions().of(0)) reasons.push_back(each.reason);
    return reasons;
  }

  EventBell bell_;
  EventRing ring_{bell_};
  ProbePlan plan_;
  Instant now_{seconds(100)};
  ServerHealth health_{{.rise = 1, .fall = 1}, now_};
  StatusBoard board_{{.reader_count = 1, .server_count = 2, .group_count = 1}, ring_};
};

TEST_F(StatusBoardTest, PublishesOnlyWhatHasChanged) {
  const balance::PoolStatus* const first = &published();
  EXPECT_EQ(&published(), first);
  probe({});
  const balance::PoolStatus* const second = &published();
  EXPECT_NE(second, first);
  EXPECT_EQ(&published(), second);
  board_.set_changed();
  EXPECT_NE(&published(), second);
}

TEST_F(StatusBoardTest, ShowsWhatIsKnownOfAServer) {
  probe({.result = ProbeResult::Refused});
  probe({});
  const balance::ServerStatus& shown = published().servers[0];
  EXPECT_EQ(shown.health, HealthState::Up);
  EXPECT_EQ(shown.reason, HealthReason::Answered);
  EXPECT_EQ(shown.changed_at, now_);
  EXPECT_EQ(shown.up_since, now_);
  EXPECT_EQ(published().servers[1].health, HealthState::Unknown);
}

TEST_F(StatusBoardTest, EachChangeIsATransitionAndAnEvent) {
  probe({});
  probe({.result = ProbeResult::TimedOut});
  probe({});
  probe({.result = ProbeResult::Unsendable});
  EXPECT_EQ(events(), (std::vector{EventId::ServerUp, EventId::ServerDown, EventId::ServerUp,
                                   EventId::ServerUnknown}));
  EXPECT_EQ(reasons(), (std::vector{HealthReason::Answered, HealthReason::TimedOut,
                                    HealthReason::Answered, HealthReason::Unsendable}));
  EXPECT_EQ(board_.transitions().of(0).back().at, now_);
  EXPECT_EQ(board_.transitions().of(0).back().health, HealthState::Unknown);
}

TEST_F(StatusBoardTest, WhatStaysAsItIsIsNeither) {
  probe({});
  probe({});
  EXPECT_EQ(events(), std::vector{EventId::ServerUp});
  EXPECT_EQ(reasons().size(), 1u);
}

TEST_F(StatusBoardTest, APauseThatIsProlongedIsPublishedOnly) {
  probe({});
  probe({.code = 503});
  const Instant until = published().servers[0].busy_until;
  probe({.code = 503});
  EXPECT_EQ(published().servers[0].busy_until, until + seconds(1));
  probe({});
  EXPECT_EQ(published().servers[0].busy_until, Instant::min());
  EXPECT_EQ(events(),
            (std::vector{EventId::ServerUp, EventId::ServerBusy, EventId::ServerRelieved}));
  EXPECT_EQ(reasons(),
            (std::vector{HealthReason::Answered, HealthReason::Busy, HealthReason::Relieved}));
}

TEST_F(StatusBoardTest, TellsWhatTheOperatorWantsAndKeepsIt) {
  board_.show(0, OperatorState::Maint, now_);
  board_.show(0, OperatorState::Maint, now_);
  EXPECT_TRUE(published().is_shut(0));
  probe({});
  EXPECT_TRUE(published().is_shut(0));
  EXPECT_EQ(events(), (std::vector{EventId::ServerState, EventId::ServerUp}));
  EXPECT_EQ(reasons(), (std::vector{HealthReason::Operator, HealthReason::Answered}));
}

TEST_F(StatusBoardTest, ForgetsAllButWhatTheOperatorWants) {
  board_.show(0, OperatorState::Drain, now_);
  probe({.result = ProbeResult::Refused});
  board_.forget(0, HealthReason::Address, now_);
  const balance::ServerStatus& shown = published().servers[0];
  EXPECT_EQ(shown.health, HealthState::Unknown);
  EXPECT_EQ(shown.reason, HealthReason::Address);
  EXPECT_EQ(shown.operator_state, OperatorState::Drain);
  EXPECT_EQ(shown.changed_at, now_);
  EXPECT_EQ(events(),
            (std::vector{EventId::ServerState, EventId::ServerDown, EventId::ServerUnknown}));
}

TEST_F(StatusBoardTest, TellsWhenAPanicBeginsAndEnds) {
  plan_.groups[0].panic_below = 50;
  probe({.result = ProbeResult::Refused});
  EXPECT_TRUE(published().groups[0].is_panicking);
  board_.set_changed();
  EXPECT_TRUE(published().groups[0].is_panicking);
  probe({});
  EXPECT_FALSE(published().groups[0].is_panicking);
  EXPECT_EQ(events(), (std::vector{EventId::ServerDown, EventId::PanicBegan, EventId::ServerUp,
                                   EventId::PanicEnded}));
}

TEST_F(StatusBoardTest, KnowsItsMemory) {
  const auto octets = [](size_t readers, size_t servers) {
    return StatusBoard::memory_octets(
        {.reader_count = readers, .server_count = servers, .group_count = 1});
  };
  EXPECT_EQ(octets(2, 3) - octets(1, 3),
            3 * sizeof(balance::ServerStatus) + sizeof(balance::GroupStatus));
  EXPECT_GE(octets(1, 2) - octets(1, 1), TransitionLog::memory_octets(1));
}

}  // namespace
}  // namespace siplb::health
