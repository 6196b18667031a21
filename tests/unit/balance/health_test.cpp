#include "balance/health.h"

#include <array>
#include <set>

#include <gtest/gtest.h>

namespace siplb::balance {
namespace {

using namespace std::chrono_literals;
using enum HealthState;

constexpr Instant kStart = Instant{} + 1h;
constexpr Instant kNever = Instant::min();

// One server and the time: each step waits until a probe is due, sends it, and tells what became of
// it.
struct Story {
  explicit Story(const HealthOptions& options = {}) : health(options, kStart) {}

  bool probe(const ServerHealth::Outcome& outcome, Duration after = 1ms) {
    now = std::max(now, health.probe_due());
    sent_at = now;
    health.on_probe_sent(now);
    now += after;
    return health.on_probe(outcome, now);
  }
  bool answer(uint16_t code = 200, Duration retry_after = 0s) {
    return probe({.code = code, .retry_after = retry_after});
  }
  bool refuse() { return probe({.result = ProbeResult::Refused}); }
  bool fail_to_send() { return probe({.result = ProbeResult::Unsendable}, 0ms); }
  bool time_out(TrafficProof traffic = TrafficProof::None) {
    now = std::max(now, health.probe_due());
    sent_at = now;
    health.on_probe_sent(now);
    now = health.probe_timeout();
    return health.on_probe({.result = ProbeResult::TimedOut, .traffic = traffic}, now);
  }
  // Refuses until it is down.
  void fall() {
    while (health.state() != Down) static_cast<void>(refuse());
  }
  // Answers until it is up; how often that took.
  uint32_t rise() {
    for (uint32_t answers = 1;; ++answers) {
      static_cast<void>(answer());
      if (health.state() == Up) return answers;
    }
  }

  ServerHealth health;
  Instant now = kStart;
  Instant sent_at = kNever;
};

template <class Enum>
size_t distinct_names() {
  std::set<std::string_view> names;
  for (size_t i = 0; i < static_cast<size_t>(Enum::kCount); ++i) {
    names.insert(name(static_cast<Enum>(i)));
  }
  names.erase("");
  return names.size();
}

TEST(HealthNamesTest, EachStateAndReasonHasItsOwn) {
  EXPECT_EQ(distinct_names<HealthState>(), static_cast<size_t>(HealthState::kCount));
  EXPECT_EQ(distinct_names<HealthReason>(), static_cast<size_t>(HealthReason::kCount));
}

TEST(ServerHealthTest, HasOneProbeUnderWayAtATime) {
  ServerHealth health({}, kStart);
  EXPECT_EQ(health.probe_due(), kStart);
  EXPECT_EQ(health.probe_timeout(), Instant::max());
  health.on_probe_sent(kStart + 2ms);
  EXPECT_EQ(health.probe_due(), Instant::max());
  EXPECT_EQ(health.probe_timeout(), kStart + 502ms);
  EXPECT_TRUE(health.on_probe({}, kStart + 30ms));
  EXPECT_EQ(health.probe_due(), kStart + 1002ms);
  EXPECT_EQ(health.probe_timeout(), Instant::max());
}

TEST(ServerHealthTest, UnknownIsUpAtItsFirstAnswer) {
  Story story;
  EXPECT_EQ(story.health.state(), Unknown);
  EXPECT_EQ(story.health.reason(), HealthReason::Start);
  EXPECT_TRUE(story.answer());
  EXPECT_EQ(story.health.state(), Up);
  EXPECT_EQ(story.health.reason(), HealthReason::Answered);
  EXPECT_EQ(story.health.changed_at(), story.now);
  EXPECT_EQ(story.health.up_since(), kNever);  // It was never down: nothing to start slowly from.
  EXPECT_FALSE(story.answer());
}

TEST(ServerHealthTest, UnknownIsDownAtTheFallCount) {
  Story story;
  EXPECT_FALSE(story.time_out());
  EXPECT_FALSE(story.time_out());
  EXPECT_EQ(story.health.state(), Unknown);
  EXPECT_TRUE(story.time_out());
  EXPECT_EQ(story.health.state(), Down);
}

TEST(ServerHealthTest, FallsOnlyAtTheFallCount) {
  Story story;
  EXPECT_TRUE(story.answer());
  EXPECT_FALSE(story.time_out());
  EXPECT_FALSE(story.time_out());
  EXPECT_EQ(story.health.state(), Up);
  EXPECT_TRUE(story.time_out());
  EXPECT_EQ(story.health.state(), Down);
  EXPECT_EQ(story.health.reason(), HealthReason::TimedOut);
  EXPECT_EQ(story.health.changed_at(), story.now);
  EXPECT_FALSE(story.time_out());
}

TEST(ServerHealthTest, AnswerInBetweenStartsTheFallAnew) {
  Story story;
  EXPECT_TRUE(story.answer());
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(story.time_out());
    EXPECT_FALSE(story.time_out());
    EXPECT_FALSE(story.answer());
  }
  EXPECT_EQ(story.health.state(), Up);
}

TEST(ServerHealthTest, RisesOnlyAtTheRiseCount) {
  Story story({.rise = 3});
  story.fall();
  EXPECT_FALSE(story.answer());
  EXPECT_FALSE(story.answer());
  EXPECT_EQ(story.health.state(), Down);
  EXPECT_TRUE(story.answer());
  EXPECT_EQ(story.health.state(), Up);
  EXPECT_EQ(story.health.reason(), HealthReason::Answered);
  EXPECT_EQ(story.health.up_since(), story.now);
  EXPECT_EQ(story.health.changed_at(), story.now);
}

TEST(ServerHealthTest, FailureInBetweenStartsTheRiseAnew) {
  Story story;
  story.fall();
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(story.answer());
    EXPECT_FALSE(story.time_out());
  }
  EXPECT_EQ(story.health.state(), Down);
  EXPECT_EQ(story.rise(), 2u);
}

// The probes' rhythm.

HealthOptions unhurried() {
  return {.interval = 2s, .fast_interval = 700ms, .timeout = 300ms};
}

TEST(ServerHealthTest, HurriesFromTheFirstFailureUntilItIsDown) {
  Story story(unhurried());
  EXPECT_TRUE(story.answer());
  EXPECT_EQ(story.health.probe_due(), story.sent_at + 2s);
  EXPECT_FALSE(story.time_out());
  EXPECT_EQ(story.health.probe_due(), story.sent_at + 700ms);
  EXPECT_FALSE(story.time_out());
  EXPECT_EQ(story.health.probe_due(), story.sent_at + 700ms);
  EXPECT_TRUE(story.time_out());
  EXPECT_EQ(story.health.probe_due(), story.sent_at + 2s);
  EXPECT_FALSE(story.time_out());
  EXPECT_EQ(story.health.probe_due(), story.sent_at + 2s);
}

TEST(ServerHealthTest, HurriesFromTheFirstAnswerUntilItIsUp) {
  Story story(unhurried());
  story.fall();
  EXPECT_FALSE(story.answer());
  EXPECT_EQ(story.health.probe_due(), story.sent_at + 700ms);
  EXPECT_TRUE(story.answer());
  EXPECT_EQ(story.health.probe_due(), story.sent_at + 2s);
}

TEST(ServerHealthTest, ProbesAtOnceWhenTheTimeoutIsTheLonger) {
  Story story({.fast_interval = 100ms, .timeout = 900ms});
  EXPECT_FALSE(story.time_out());
  EXPECT_EQ(story.health.probe_due(), story.now);
}

TEST(ServerHealthTest, ClosedPortIsDownWithinATenthOfASecond) {
  Story story;
  EXPECT_TRUE(story.answer());
  const Instant met_by_traffic = story.now + 300ms;
  story.now = met_by_traffic;
  story.health.ask_for_probe(story.now);
  EXPECT_FALSE(story.refuse());
  EXPECT_EQ(story.health.probe_due(), story.now + ServerHealth::kRefusedPause);
  EXPECT_FALSE(story.refuse());
  EXPECT_TRUE(story.refuse());
  EXPECT_EQ(story.health.state(), Down);
  EXPECT_EQ(story.health.reason(), HealthReason::Refused);
  EXPECT_LT(story.now - met_by_traffic, 100ms);
}

TEST(ServerHealthTest, ClosedPortThatIsDownIsProbedNoFaster) {
  Story story;
  story.fall();
  EXPECT_EQ(story.health.probe_due(), story.sent_at + 1s);
  EXPECT_FALSE(story.refuse());
  EXPECT_EQ(story.health.probe_due(), story.sent_at + 1s);
}

TEST(ServerHealthTest, TakesNoLongerToFallThanIsPromised) {
  const HealthOptions defaults;
  for (const HealthOptions& options :
       {defaults, unhurried(), HealthOptions{.fast_interval = 50ms, .timeout = 800ms, .fall = 5},
        HealthOptions{.fall = 1}}) {
    Story story(options);
    // It answers a probe at once, and is dead from then on.
    EXPECT_TRUE(story.probe({}, 0ms));
    const Instant dead_at = story.now;
    while (story.health.state() != Down) static_cast<void>(story.time_out());
    EXPECT_EQ(story.now - dead_at,
              options.interval + options.timeout +
                  (options.fall - 1) * std::max(options.fast_interval, options.timeout));
    EXPECT_TRUE(options != defaults || story.now - dead_at <= 3s);
  }
}

// What counts as a failure.

TEST(ServerHealthTest, TrafficVetoesSilenceAndIsCounted) {
  Story story;
  EXPECT_TRUE(story.answer());
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(story.time_out(TrafficProof::Recent));
  EXPECT_EQ(story.health.disagreement_count(), 0u);
  EXPECT_FALSE(story.time_out(TrafficProof::Recent));
  EXPECT_FALSE(story.time_out(TrafficProof::Recent));
  EXPECT_EQ(story.health.state(), Up);
  EXPECT_EQ(story.health.disagreement_count(), 2u);
  // Once traffic is silent too, nothing is waited for.
  EXPECT_TRUE(story.time_out());
  EXPECT_EQ(story.health.state(), Down);
  EXPECT_EQ(story.health.disagreement_count(), 2u);
}

TEST(ServerHealthTest, TrafficVetoesNoRefusalAndNoBadCode) {
  for (const ServerHealth::Outcome& outcome :
       {ServerHealth::Outcome{.result = ProbeResult::Refused, .traffic = TrafficProof::Recent},
        ServerHealth::Outcome{.code = 408, .traffic = TrafficProof::Recent}}) {
    Story story;
    for (int i = 0; i < 2; ++i) EXPECT_FALSE(story.probe(outcome));
    EXPECT_TRUE(story.probe(outcome));
    EXPECT_EQ(story.health.state(), Down);
    EXPECT_EQ(story.health.disagreement_count(), 0u);
  }
}

TEST(ServerHealthTest, AnyCodeButTheListedAndRequestTimeoutProvesLife) {
  const HealthOptions options{.fall = 1, .down = {404, 503}};
  for (const uint16_t alive : std::to_array<uint16_t>({200, 403, 405, 407, 480, 483, 500, 600})) {
    Story story(options);
    EXPECT_TRUE(story.answer(alive));
    EXPECT_EQ(story.health.state(), Up) << alive;
  }
  for (const uint16_t dead : std::to_array<uint16_t>({404, 408, 503})) {
    Story story(options);
    EXPECT_TRUE(story.answer(dead));
    EXPECT_EQ(story.health.state(), Down) << dead;
    EXPECT_EQ(story.health.reason(), HealthReason::BadCode) << dead;
    EXPECT_EQ(story.health.busy_until(), kNever) << dead;
  }
}

TEST(ServerHealthTest, UnsendableIsUnknownAndNeverDown) {
  Story story;
  EXPECT_TRUE(story.answer());
  EXPECT_TRUE(story.fail_to_send());
  EXPECT_EQ(story.health.state(), Unknown);
  EXPECT_EQ(story.health.reason(), HealthReason::Unsendable);
  EXPECT_EQ(story.health.changed_at(), story.now);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(story.fail_to_send());
  EXPECT_EQ(story.health.state(), Unknown);
  EXPECT_EQ(story.health.probe_due(), story.sent_at + 1s);
  EXPECT_TRUE(story.answer());
  EXPECT_EQ(story.health.state(), Up);
}

TEST(ServerHealthTest, UnsendableForgetsWhatWasKnownBefore) {
  Story story;
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(story.time_out());
  EXPECT_TRUE(story.fail_to_send());
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(story.time_out());
  EXPECT_EQ(story.health.state(), Unknown);
  EXPECT_TRUE(story.time_out());
  EXPECT_EQ(story.health.state(), Down);
  EXPECT_TRUE(story.fail_to_send());
  EXPECT_EQ(story.health.state(), Unknown);
}

// Busy.

TEST(ServerHealthTest, ProbeAnswered503IsAliveAndBusyForAWhile) {
  Story story;
  EXPECT_TRUE(story.answer(503));
  EXPECT_EQ(story.health.state(), Up);
  EXPECT_EQ(story.health.reason(), HealthReason::Busy);
  const Instant end = story.now + 5s;
  EXPECT_EQ(story.health.busy_until(), end);
  EXPECT_FALSE(story.health.on_time(end - 1ns));
  EXPECT_TRUE(story.health.on_time(end));
  EXPECT_EQ(story.health.busy_until(), kNever);
  EXPECT_EQ(story.health.reason(), HealthReason::Relieved);
  EXPECT_FALSE(story.health.on_time(end + 1h));
}

TEST(ServerHealthTest, NextProbeProlongsOrEndsIt) {
  Story story;
  EXPECT_TRUE(story.answer(503));
  EXPECT_TRUE(story.answer(503));
  EXPECT_EQ(story.health.busy_until(), story.now + 5s);
  EXPECT_TRUE(story.answer(200));
  EXPECT_EQ(story.health.busy_until(), kNever);
  EXPECT_EQ(story.health.reason(), HealthReason::Relieved);
  EXPECT_FALSE(story.answer(200));
}

TEST(ServerHealthTest, RetryAfterOfAProbeCountsUpToItsMaximum) {
  Story story({.retry_after_max = 30s});
  EXPECT_TRUE(story.answer(503));
  EXPECT_EQ(story.health.busy_until(), story.now + 30s);
  EXPECT_TRUE(story.answer(503, 7s));
  EXPECT_EQ(story.health.busy_until(), story.now + 7s);
  EXPECT_TRUE(story.answer(503, 120s));
  EXPECT_EQ(story.health.busy_until(), story.now + 30s);
}

TEST(ServerHealthTest, RisesBusyFromA503) {
  Story story;
  story.fall();
  EXPECT_TRUE(story.answer(503));
  EXPECT_EQ(story.health.reason(), HealthReason::Refused);
  EXPECT_TRUE(story.answer(503));
  EXPECT_EQ(story.health.state(), Up);
  EXPECT_EQ(story.health.reason(), HealthReason::Busy);
}

TEST(ServerHealthTest, CallAnswered503PausesItForRetryAfterUpToItsMaximum) {
  struct {
    Duration retry_after;
    std::chrono::milliseconds retry_after_max;
    Duration pause;
  } const cases[] = {{0s, 5s, 5s}, {2s, 5s, 2s}, {60s, 5s, 5s}, {0s, 30s, 5s}, {0s, 1s, 1s}};
  for (const auto& each : cases) {
    Story story({.retry_after_max = each.retry_after_max});
    EXPECT_TRUE(story.health.on_busy(each.retry_after, kStart));
    EXPECT_EQ(story.health.busy_until(), kStart + each.pause);
    EXPECT_EQ(story.health.reason(), HealthReason::Busy);
    EXPECT_EQ(story.health.state(), Unknown);
  }
}

TEST(ServerHealthTest, FurtherCallsAnswered503DuringThePauseChangeNothing) {
  Story story;
  EXPECT_TRUE(story.health.on_busy(3s, kStart));
  EXPECT_FALSE(story.health.on_busy(5s, kStart + 1s));
  EXPECT_EQ(story.health.busy_until(), kStart + 3s);
  EXPECT_TRUE(story.health.on_busy(5s, kStart + 3s));
  EXPECT_EQ(story.health.busy_until(), kStart + 8s);
}

TEST(ServerHealthTest, NoProbeEndsThePauseOfACall) {
  Story story;
  EXPECT_TRUE(story.answer());
  const Instant end = story.now + 4s;
  EXPECT_TRUE(story.health.on_busy(4s, story.now));
  EXPECT_FALSE(story.answer());
  EXPECT_EQ(story.health.busy_until(), end);
  EXPECT_TRUE(story.answer(503));
  EXPECT_EQ(story.health.busy_until(), story.now + 5s);
  EXPECT_TRUE(story.answer());
  EXPECT_EQ(story.health.busy_until(), end);
  EXPECT_EQ(story.health.reason(), HealthReason::Busy);
  EXPECT_TRUE(story.health.on_time(end));
  EXPECT_EQ(story.health.reason(), HealthReason::Relieved);
}

TEST(ServerHealthTest, ShortPauseWithinALongerOneChangesNothing) {
  Story story;
  EXPECT_TRUE(story.answer(503));
  EXPECT_FALSE(story.health.on_busy(1s, story.now));
  EXPECT_EQ(story.health.busy_until(), story.now + 5s);
}

TEST(ServerHealthTest, DownSaysMoreThanBusy) {
  Story story;
  story.fall();
  EXPECT_TRUE(story.health.on_busy(0s, story.now));
  EXPECT_EQ(story.health.reason(), HealthReason::Refused);
  EXPECT_TRUE(story.health.on_time(story.now + 5s));
  EXPECT_EQ(story.health.reason(), HealthReason::Refused);
  EXPECT_EQ(story.health.state(), Down);
}

// What traffic asks for.

TEST(ServerHealthTest, AskedProbeIsDueAtOnce) {
  Story story;
  EXPECT_TRUE(story.answer());
  story.health.ask_for_probe(story.now + 100ms);
  EXPECT_EQ(story.health.probe_due(), story.now + 100ms);
}

TEST(ServerHealthTest, AskingTooOftenChangesNothing) {
  Story story;
  EXPECT_TRUE(story.answer());
  const Instant asked = story.now;
  story.health.ask_for_probe(asked);
  EXPECT_FALSE(story.answer());
  const Instant regular = story.health.probe_due();
  story.health.ask_for_probe(asked + ServerHealth::kAskedPause - 1ns);
  EXPECT_EQ(story.health.probe_due(), regular);
  story.health.ask_for_probe(asked + ServerHealth::kAskedPause);
  EXPECT_EQ(story.health.probe_due(), asked + ServerHealth::kAskedPause);
}

TEST(ServerHealthTest, AskingPutsNoProbeOff) {
  Story story;
  const Instant overdue = story.health.probe_due();
  story.health.ask_for_probe(overdue + 1s);
  EXPECT_EQ(story.health.probe_due(), overdue);
}

TEST(ServerHealthTest, AskingDuringAProbeUsesNothingUp) {
  ServerHealth health({}, kStart);
  health.on_probe_sent(kStart);
  health.ask_for_probe(kStart + 1ms);
  EXPECT_EQ(health.probe_due(), Instant::max());
  EXPECT_TRUE(health.on_probe({}, kStart + 2ms));
  EXPECT_EQ(health.probe_due(), kStart + 1s);
  health.ask_for_probe(kStart + 3ms);
  EXPECT_EQ(health.probe_due(), kStart + 3ms);
}

// Flapping.

TEST(ServerHealthTest, EachFlapDoublesTheRiseUpToItsBound) {
  Story story;
  EXPECT_TRUE(story.answer());
  story.fall();
  for (const uint32_t needed : {2u, 4u, 8u, 16u, 32u, 32u}) {
    EXPECT_EQ(story.health.rise_needed(), needed);
    EXPECT_EQ(story.rise(), needed);
    story.fall();
  }
  static_assert(ServerHealth::kRiseMax == 32);
}

TEST(ServerHealthTest, EachCalmWindowHalvesTheRiseDownToWhatIsConfigured) {
  Story story({.rise = 3});
  const auto fall_after = [&story](Duration calm) {
    story.now = story.health.up_since() + calm;
    story.fall();
    const uint32_t needed = story.health.rise_needed();
    EXPECT_EQ(story.rise(), needed);
    return needed;
  };
  story.fall();
  EXPECT_EQ(story.rise(), 3u);
  for (const uint32_t needed : {6u, 12u, 24u, 32u}) EXPECT_EQ(fall_after(0s), needed);
  // Refusals take a moment to count.
  const Duration windows = ServerHealth::kFlapWindow - 1s;
  EXPECT_EQ(fall_after(windows), 32u);
  EXPECT_EQ(fall_after(ServerHealth::kFlapWindow), 16u);
  EXPECT_EQ(fall_after(2 * ServerHealth::kFlapWindow), 4u);
  EXPECT_EQ(fall_after(ServerHealth::kFlapWindow), 3u);
  EXPECT_EQ(fall_after(0s), 6u);
  EXPECT_EQ(fall_after(1000h), 3u);
}

}  // namespace
}  // namespace siplb::balance
