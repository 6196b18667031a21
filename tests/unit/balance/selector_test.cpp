#include "balance/selector.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <numeric>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/hash.h"

namespace siplb::balance {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Outcome = Selector::Outcome;

constexpr uint64_t kSeed = 7;
constexpr size_t kChoices = 20'000;
constexpr std::array kPolicies = {Policy::Maglev, Policy::RoundRobin, Policy::Random,
                                  Policy::LeastLoad, Policy::LeastCalls};

GroupOptions group(Policy policy, const std::vector<uint32_t>& weights) {
  GroupOptions options;
  options.name = "pool";
  options.policy = policy;
  for (uint32_t s = 0; s < weights.size(); ++s) {
    options.servers.push_back({.name = "s" + std::to_string(s),
                               .address = SockAddress::v4(0x0a000001 + s, 5060),
                               .weight = weights[s]});
  }
  return options;
}

std::vector<ServerIndex> servers(std::vector<ServerIndex> indexes) {
  return indexes;
}

uint64_t key(size_t number) {
  return hash_octets("call-" + std::to_string(number) + "@198.51.100.7");
}

// One group, and what is known of it.
struct Pool {
  explicit Pool(const GroupOptions& options, uint64_t seed = kSeed)
      : topology(std::vector{options}),
        status(options.servers.size(), 1),
        load(1, options.servers.size()),
        calls(options.servers.size()),
        selector(load, calls, options.servers.size(), seed) {}

  [[nodiscard]] Selector::Wanted wanted(size_t number = 0,
                                        std::span<const ServerIndex> tried = {}) const {
    return {.topology = topology,
            .status = status,
            .key_hash = key(number),
            .tried = tried,
            .is_call = true,
            .now = now};
  }
  ServerIndex choose(size_t number = 0, std::span<const ServerIndex> tried = {}) {
    return selector.choose(wanted(number, tried)).server;
  }
  Outcome outcome(std::span<const ServerIndex> tried = {}) {
    const Selector::Choice choice = selector.choose(wanted(0, tried));
    EXPECT_EQ(choice.outcome == Outcome::Chosen, choice.server != kNoServer);
    EXPECT_EQ(choice.outcome == Outcome::Chosen, selector.has_choice(wanted(0, tried)));
    return choice.outcome;
  }
  void take(ServerIndex server) { status.servers[server].health = HealthState::Down; }
  void fill_inflight(ServerIndex server, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) load.on_begun(0, server);
  }
  void fill_calls(ServerIndex server, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) calls.add_active(server);
  }

  Topology topology;
  PoolStatus status;
  LoadBoard load;
  CallCounts calls;
  Selector selector;
  Instant now = Instant(hours(1));
};

std::vector<size_t> count_choices(Pool& pool, size_t choices = kChoices) {
  std::vector<size_t> chosen(pool.topology.servers().size());
  for (size_t i = 0; i < choices; ++i) ++chosen.at(pool.choose(i));
  return chosen;
}

// The same where each choice is a call that does not end.
std::vector<size_t> count_calls(Pool& pool, size_t choices) {
  std::vector<size_t> chosen(pool.topology.servers().size());
  for (size_t i = 0; i < choices; ++i) {
    const ServerIndex server = pool.choose(i);
    pool.calls.add_active(server);
    ++chosen.at(server);
  }
  return chosen;
}

void expect_shares(const std::vector<size_t>& chosen, const std::vector<uint32_t>& weights,
                   double tolerance) {
  const double all = std::accumulate(chosen.begin(), chosen.end(), 0.0);
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (size_t i = 0; i < weights.size(); ++i) {
    const double due = all * weights[i] / sum;
    EXPECT_NEAR(static_cast<double>(chosen[i]), due, tolerance * due) << "server " << i;
  }
}

TEST(SelectorTest, SharesFollowTheWeights) {
  const std::vector<uint32_t> weights = {100, 0, 200, 300, 1000};
  for (const Policy policy : kPolicies) {
    SCOPED_TRACE(static_cast<int>(policy));
    Pool pool(group(policy, weights));
    expect_shares(policy == Policy::LeastCalls ? count_calls(pool, 16'000) : count_choices(pool),
                  weights, 0.05);
  }
}

TEST(SelectorTest, SharesFollowTheSmallestWeights) {
  const std::vector<uint32_t> weights = {1, 2, 0, 1};
  for (const Policy policy : kPolicies) {
    SCOPED_TRACE(static_cast<int>(policy));
    Pool pool(group(policy, weights));
    expect_shares(policy == Policy::LeastCalls ? count_calls(pool, 16'000) : count_choices(pool),
                  weights, 0.05);
  }
}

TEST(SelectorTest, ServesTheLargestGroup) {
  for (const Policy policy : kPolicies) {
    SCOPED_TRACE(static_cast<int>(policy));
    Pool pool(group(policy, std::vector<uint32_t>(kServersMax, kWeightMax)));
    std::vector<size_t> by_half(2);
    for (size_t i = 0; i < 100; ++i) ++by_half[pool.choose(i) / (kServersMax / 2)];
    expect_shares(by_half, {1, 1}, 0.3);
  }
}

TEST(SelectorTest, GroupWithoutWeightHasNoChoice) {
  for (const Policy policy : kPolicies) {
    Pool pool(group(policy, {0, 0}));
    EXPECT_EQ(pool.outcome(), Outcome::Unusable);
  }
}

TEST(SelectorTest, NeverChoosesWhatTakesNoNewWork) {
  for (const Policy policy : kPolicies) {
    SCOPED_TRACE(static_cast<int>(policy));
    Pool pool(group(policy, {100, 100, 100, 100, 100}));
    pool.take(0);
    pool.status.servers[1].operator_state = OperatorState::Drain;
    pool.status.servers[2].operator_state = OperatorState::Maint;
    pool.status.servers[3].busy_until = pool.now + milliseconds(1);
    for (size_t i = 0; i < 1000; ++i) ASSERT_EQ(pool.choose(i), 4);
    for (const ServerIndex server : servers({0, 1, 2, 3})) {
      EXPECT_FALSE(pool.selector.is_eligible(pool.wanted(), server));
    }
    EXPECT_TRUE(pool.selector.is_eligible(pool.wanted(), 4));

    pool.take(4);
    EXPECT_EQ(pool.outcome(), Outcome::Unusable);
    pool.now += milliseconds(1);
    EXPECT_EQ(pool.choose(), 3);
  }
}

TEST(SelectorTest, SaysWhyAServerIsNotChosen) {
  GroupOptions options = group(Policy::RoundRobin, {100, 0, 100, 100, 100, 100});
  options.servers[3].max_calls = 2;
  options.servers[4].max_inflight = 1;
  Pool pool(options);
  pool.take(2);
  pool.fill_calls(3, 2);
  pool.fill_inflight(4, 1);
  const std::vector<ServerIndex> tried = {5};
  const std::vector<Obstacle> obstacles = {Obstacle::None,  Obstacle::Weight,   Obstacle::Down,
                                           Obstacle::Calls, Obstacle::Inflight, Obstacle::Tried};
  for (ServerIndex server = 0; server < obstacles.size(); ++server) {
    EXPECT_EQ(pool.selector.obstacle(pool.wanted(0, tried), server), obstacles[server]) << server;
  }
  auto no_call = pool.wanted();
  no_call.is_call = false;
  EXPECT_EQ(pool.selector.obstacle(no_call, 3), Obstacle::None);
}

TEST(SelectorTest, PanicIgnoresHealthButNotTheOperator) {
  for (const Policy policy : kPolicies) {
    Pool pool(group(policy, {100, 100}));
    pool.take(0);
    pool.take(1);
    EXPECT_EQ(pool.outcome(), Outcome::Unusable);
    pool.status.groups[0].is_panicking = true;
    pool.status.servers[0].operator_state = OperatorState::Drain;
    for (size_t i = 0; i < 100; ++i) ASSERT_EQ(pool.choose(i), 1);
    pool.status.servers[1].operator_state = OperatorState::Maint;
    EXPECT_EQ(pool.outcome(), Outcome::Unusable);
  }
}

TEST(SelectorTest, TriesEachServerOnceThenNobody) {
  for (const Policy policy : kPolicies) {
    SCOPED_TRACE(static_cast<int>(policy));
    Pool pool(group(policy, {100, 0, 300, 200}));
    std::vector<ServerIndex> tried;
    while (pool.outcome(tried) == Outcome::Chosen) tried.push_back(pool.choose(1, tried));
    EXPECT_EQ(pool.outcome(tried), Outcome::Unusable);
    std::sort(tried.begin(), tried.end());
    EXPECT_EQ(tried, (servers({0, 2, 3})));
  }
}

// Servers 0 and 3 are the spares of 1 and 2; 4 takes nothing.
GroupOptions tiered(Policy policy) {
  GroupOptions options = group(policy, {100, 100, 200, 300, 0});
  for (const size_t spare : {0, 3}) options.servers[spare].priority = 7;
  for (const size_t main : {1, 2}) options.servers[main].priority = 3;
  for (ServerOptions& server : options.servers) server.max_inflight = 2;
  return options;
}

TEST(SelectorTest, NextTierTakesOverWhenTheFirstIsDownOrTried) {
  for (const Policy policy : kPolicies) {
    SCOPED_TRACE(static_cast<int>(policy));
    Pool pool(tiered(policy));
    for (size_t i = 0; i < 1000; ++i) {
      const ServerIndex first = pool.choose(i);
      ASSERT_TRUE(first == 1 || first == 2) << first;
      ASSERT_EQ(pool.choose(i, servers({1})), 2);
    }
    pool.take(1);
    EXPECT_EQ(pool.choose(), 2);
    pool.take(2);
    expect_shares(policy == Policy::LeastCalls ? count_calls(pool, 16'000) : count_choices(pool),
                  {100, 0, 0, 300, 0}, 0.05);
    Pool healthy(tiered(policy));
    const ServerIndex spare = healthy.choose(0, servers({2, 1}));
    EXPECT_TRUE(spare == 0 || spare == 3) << spare;
  }
}

TEST(SelectorTest, NextTierTakesTheSpillOnlyWhenAllOfTheFirstAreFull) {
  for (const Policy policy : kPolicies) {
    SCOPED_TRACE(static_cast<int>(policy));
    Pool pool(tiered(policy));
    pool.fill_inflight(1, 2);
    for (size_t i = 0; i < 100; ++i) ASSERT_EQ(pool.choose(i), 2);
    pool.fill_inflight(2, 2);
    for (size_t i = 0; i < 100; ++i) ASSERT_EQ(pool.choose(i) % 3, 0);
    pool.fill_inflight(0, 2);
    pool.fill_inflight(3, 1);
    EXPECT_EQ(pool.choose(), 3);
    pool.fill_inflight(3, 1);
    EXPECT_EQ(pool.outcome(), Outcome::Full);
    pool.load.on_ended(0, 1);
    EXPECT_EQ(pool.choose(), 1);
  }
}

TEST(SelectorTest, FullOnlyWhereSomebodyUntriedIsUsable) {
  Pool pool(tiered(Policy::Maglev));
  for (const ServerIndex server : servers({0, 1, 2, 3})) pool.fill_inflight(server, 2);
  EXPECT_EQ(pool.outcome(), Outcome::Full);
  for (const ServerIndex server : servers({0, 1, 2})) pool.take(server);
  EXPECT_EQ(pool.outcome(), Outcome::Full);
  EXPECT_EQ(pool.outcome(servers({3})), Outcome::Unusable);
  pool.take(3);
  EXPECT_EQ(pool.outcome(), Outcome::Unusable);
}

TEST(SelectorTest, CallsBeyondTheirLimitGoElsewhereButOtherRequestsDoNot) {
  for (const Policy policy : kPolicies) {
    SCOPED_TRACE(static_cast<int>(policy));
    GroupOptions options = group(policy, {100, 100});
    options.servers[0].max_calls = 3;
    Pool pool(options);
    pool.fill_calls(0, 2);
    EXPECT_TRUE(pool.selector.is_eligible(pool.wanted(), 0));
    EXPECT_TRUE(pool.calls.try_reserve(0, 3));
    for (size_t i = 0; i < 100; ++i) ASSERT_EQ(pool.choose(i), 1);
    pool.take(1);
    EXPECT_EQ(pool.outcome(), Outcome::Full);

    Selector::Wanted other = pool.wanted();
    other.is_call = false;
    EXPECT_EQ(pool.selector.choose(other).server, 0);
    EXPECT_TRUE(pool.selector.has_choice(other));
  }
}

TEST(SelectorTest, MaglevGivesAKeyToTheOwnerOfItsEntry) {
  Pool pool(group(Policy::Maglev, {100, 200, 300}));
  for (size_t i = 0; i < kChoices; ++i) {
    ASSERT_EQ(pool.choose(i), pool.topology.first_choice(0, key(i)));
  }
}

TEST(SelectorTest, MaglevMovesOnlyTheKeysOfTheServerThatGoes) {
  constexpr size_t kServers = 10;
  Pool pool(group(Policy::Maglev, std::vector<uint32_t>(kServers, 100)));
  std::vector<ServerIndex> before;
  for (size_t i = 0; i < kChoices; ++i) before.push_back(pool.choose(i));
  for (const ServerIndex gone :
       servers({4, 7})) {  // the second one while the first one is still away
    pool.take(gone);
    std::vector<size_t> moved_to(kServers);
    size_t moved = 0;
    for (size_t i = 0; i < kChoices; ++i) {
      const ServerIndex after = pool.choose(i);
      if (after == before[i]) continue;
      ASSERT_EQ(before[i], gone);
      ++moved_to[after];
      ++moved;
      before[i] = after;
    }
    const double share = static_cast<double>(moved) / kChoices;
    std::printf("without server %d: %.2f %% of the keys moved\n", gone, 100 * share);
    EXPECT_NEAR(share, gone == 4 ? 1.0 / kServers : 1.0 / (kServers - 1), 0.01);
    std::vector<uint32_t> others(kServers, 100);
    others[4] = 0;
    others[gone] = 0;
    expect_shares(moved_to, others, 0.15);
  }
}

TEST(SelectorTest, MaglevFindsTheOnlyOneLeftOfMany) {
  std::vector<uint32_t> weights(1000, 1000);
  weights[321] = 1;  // owns none of the entries
  Pool pool(group(Policy::Maglev, weights));
  for (ServerIndex server = 0; server < 1000; ++server) {
    if (server != 321) pool.take(server);
  }
  EXPECT_EQ(pool.choose(), 321);
}

TEST(SelectorTest, OrderInTheFileDoesNotMatterToKeysAndDraws) {
  for (const Policy policy : {Policy::Maglev, Policy::Random, Policy::LeastLoad}) {
    SCOPED_TRACE(static_cast<int>(policy));
    const GroupOptions options = group(policy, {100, 200, 300, 400});
    GroupOptions reversed = options;
    std::reverse(reversed.servers.begin(), reversed.servers.end());
    Pool pool(options);
    Pool mirror(reversed);
    pool.take(1);
    mirror.take(2);
    for (size_t i = 0; i < 1000; ++i) {
      const ServerIndex first = pool.choose(i);
      ASSERT_EQ(mirror.choose(i), 3 - first);
      const ServerIndex second = pool.choose(i, servers({first}));
      const auto mirrored = static_cast<ServerIndex>(3 - first);
      ASSERT_EQ(mirror.choose(i, servers({mirrored})), 3 - second);
    }
  }
}

// Another release must choose alike: nodes are upgraded one by one.
TEST(SelectorTest, ChoicesOfKeysAreTheSameForEver) {
  Pool pool(group(Policy::Maglev, {100, 200, 300, 400}));
  pool.take(2);
  uint64_t digest = 0;
  for (size_t i = 0; i < kChoices; ++i) digest = digest * 31 + pool.choose(i);
  EXPECT_EQ(digest, 1537491111078452088u);
}

// The share of new work that server 0 of four has, `elapsed` after it came back.
double share_after(Policy policy, Duration elapsed) {
  constexpr size_t kSlowStartChoices = 8000;
  Pool pool(group(policy, {100, 100, 100, 100}));
  pool.status.servers[0].up_since = pool.now - elapsed;
  const auto chosen = policy == Policy::LeastCalls ? count_calls(pool, kSlowStartChoices)
                                                   : count_choices(pool, kSlowStartChoices);
  return static_cast<double>(chosen[0]) / kSlowStartChoices;
}

TEST(SelectorTest, ShareGrowsFromATenthToAllDuringSlowStart) {
  for (const Policy policy : kPolicies) {
    SCOPED_TRACE(static_cast<int>(policy));
    double before = 0;
    for (int second = 0; second <= 10; second += 2) {
      const double share = share_after(policy, seconds(second));
      EXPECT_GT(share, before) << second;
      before = share;
      if (policy == Policy::LeastLoad) continue;  // which prefers the others, should all be idle
      const double weight = 0.1 + 0.09 * second;
      EXPECT_NEAR(share, weight / (3 + weight), 0.015) << second;
    }
    EXPECT_NEAR(before, 0.25, 0.015);
    EXPECT_NEAR(share_after(policy, hours(1)), before, 0.015);
    EXPECT_EQ(share_after(policy, -milliseconds(5)), share_after(policy, Duration::zero()));
  }
}

TEST(SelectorTest, MaglevKeepsInSlowStartWhatItHasOnceKept) {
  Pool pool(group(Policy::Maglev, {100, 100, 100, 100}));
  pool.status.servers[0].up_since = pool.now;
  std::vector<bool> is_kept(kChoices);
  for (int second = 0; second <= 10; ++second, pool.now += seconds(1)) {
    for (size_t i = 0; i < kChoices; ++i) {
      if (pool.topology.first_choice(0, key(i)) != 0) continue;
      const bool is_own = pool.choose(i) == 0;
      ASSERT_TRUE(is_own || !is_kept[i]);
      is_kept[i] = is_own;
    }
  }
}

TEST(SelectorTest, KeysStayWhereAllComeBackTogether) {
  Pool pool(group(Policy::Maglev, {100, 200, 300}));
  for (ServerStatus& server : pool.status.servers) server.up_since = pool.now;
  for (size_t i = 0; i < 1000; ++i) {
    ASSERT_EQ(pool.choose(i), pool.topology.first_choice(0, key(i)));
  }
}

TEST(SelectorTest, WithoutSlowStartAServerHasItsShareAtOnce) {
  GroupOptions options = group(Policy::Random, {100, 100});
  options.slow_start = milliseconds(0);
  Pool pool(options);
  pool.status.servers[0].up_since = pool.now + milliseconds(5);
  expect_shares(count_choices(pool), {1, 1}, 0.05);
}

TEST(SelectorTest, TurnsAreSmoothAndBeginElsewhereForAnotherSeed) {
  std::vector<size_t> first(4);
  for (uint64_t seed = 0; seed < 400; ++seed) {
    Pool pool(group(Policy::RoundRobin, {100, 100, 200, 400}), seed);
    std::vector<size_t> chosen(4);
    ++first[pool.choose()];
    for (size_t i = 1; i < 80; ++i) ++chosen[pool.choose(i)];
    for (size_t s = 0; s < 4; ++s) {
      const double due = 10 * pool.topology.servers()[s].weight / 100.0;
      ASSERT_NEAR(static_cast<double>(chosen[s]), due, 2) << "seed " << seed;
    }
  }
  expect_shares(first, {100, 100, 200, 400}, 0.4);
}

TEST(SelectorTest, TurnsGoOnAmongTheOthersAndForgiveWhoWasAway) {
  Pool pool(group(Policy::RoundRobin, {100, 100, 100}));
  expect_shares(count_choices(pool, 300), {1, 1, 1}, 0.03);
  pool.take(1);
  expect_shares(count_choices(pool, 300), {1, 0, 1}, 0.03);
  pool.status.servers[1].health = HealthState::Up;
  expect_shares(count_choices(pool, 30), {1, 1, 1}, 0.2);
}

TEST(SelectorTest, LeastLoadPrefersTheFasterAndTheIdler) {
  Pool pool(group(Policy::LeastLoad, {100, 100}));
  pool.load.on_first_answer(0, 0, milliseconds(100), pool.now);
  pool.load.on_first_answer(0, 1, milliseconds(10), pool.now);
  EXPECT_EQ(count_choices(pool, 100)[1], 100u);
  pool.fill_inflight(1, 8);
  EXPECT_EQ(count_choices(pool, 100)[1], 100u);
  pool.fill_inflight(1, 2);
  EXPECT_EQ(count_choices(pool, 100)[0], 100u);
}

TEST(SelectorTest, LeastLoadWeighsWhatIsInFlight) {
  Pool pool(group(Policy::LeastLoad, {100, 300}));
  pool.fill_inflight(0, 2);
  pool.fill_inflight(1, 5);
  EXPECT_EQ(count_choices(pool, 100)[1], 100u);
  pool.fill_inflight(1, 2);
  EXPECT_EQ(count_choices(pool, 100)[0], 100u);
}

TEST(SelectorTest, LeastLoadTakesDifferencesBelowAMillisecondForNoise) {
  Pool pool(group(Policy::LeastLoad, {100, 100}));
  pool.load.on_first_answer(0, 0, std::chrono::microseconds(900), pool.now);
  pool.load.on_first_answer(0, 1, std::chrono::microseconds(90), pool.now);
  expect_shares(count_choices(pool), {1, 1}, 0.05);
}

TEST(SelectorTest, LeastLoadNeitherFloodsNorStarvesWhomItDoesNotKnow) {
  Pool pool(group(Policy::LeastLoad, {100, 100}));
  pool.load.on_first_answer(0, 0, seconds(1), pool.now);
  expect_shares(count_choices(pool), {1, 1}, 0.05);
  pool.fill_inflight(1, 1);  // it has not answered yet
  EXPECT_EQ(count_choices(pool, 100)[0], 100u);
}

TEST(SelectorTest, LeastCallsFillsAllToTheSameDegree) {
  GroupOptions options = group(Policy::LeastCalls, {100, 100, 100});
  options.servers[0].max_calls = 50;
  options.servers[1].max_calls = 100;
  options.servers[2].max_calls = 350;
  Pool pool(options);
  pool.fill_calls(2, 100);  // all come down to its degree before it gets more
  EXPECT_EQ(count_calls(pool, 40)[2], 0u);
  count_calls(pool, 110);
  for (const ServerIndex server : servers({0, 1, 2})) {
    EXPECT_NEAR(pool.calls.calls(server), options.servers[server].max_calls / 2, 1);
  }
  count_calls(pool, 250);
  EXPECT_EQ(pool.outcome(), Outcome::Full);
}

TEST(SelectorTest, LeastCallsSpreadsWhatIsNoCall) {
  Pool pool(group(Policy::LeastCalls, {100, 100, 200}));
  pool.fill_calls(0, 10);
  std::vector<size_t> chosen(3);
  Selector::Wanted wanted = pool.wanted();
  wanted.is_call = false;
  for (int i = 0; i < 400; ++i) ++chosen[pool.selector.choose(wanted).server];
  expect_shares(chosen, {1, 1, 2}, 0.03);
}

// Four servers with one queue each, of which one takes ten times as long: the time from a request
// to its answer that 99 of 100 do not exceed, at 70 % of what they can do together.
milliseconds p99_with_one_slow_server(Policy policy) {
  constexpr double kServiceMs = 10;
  constexpr std::array<double, 4> kSlowness = {10, 1, 1, 1};
  constexpr double kRatePerMs = 0.7 * (3 + 1 / kSlowness[0]) / kServiceMs;
  constexpr size_t kRequests = 40'000;  // about three minutes

  struct Answer {
    Instant at;
    ServerIndex server;
    Duration after;
    bool operator>(const Answer& other) const { return at > other.at; }
  };
  Pool pool(group(policy, {100, 100, 100, 100}));
  std::mt19937_64 random(kSeed);
  const auto exponential = [&random](double mean_ms) {
    const double share = static_cast<double>(random() >> 11) * 0x1p-53;
    return Duration(static_cast<int64_t>(-std::log(1 - share) * mean_ms * 1e6));
  };
  std::priority_queue<Answer, std::vector<Answer>, std::greater<>> answers;
  std::array<Instant, 4> free_at{};
  std::vector<Duration> times;
  for (size_t i = 0; i < kRequests; ++i) {
    pool.now += exponential(1 / kRatePerMs);
    for (; !answers.empty() && answers.top().at <= pool.now; answers.pop()) {
      const Answer& answer = answers.top();
      pool.load.on_first_answer(0, answer.server, answer.after, answer.at);
      pool.load.on_ended(0, answer.server);
    }
    const ServerIndex server = pool.choose(i);
    pool.load.on_begun(0, server);
    free_at[server] =
        std::max(free_at[server], pool.now) + exponential(kServiceMs * kSlowness[server]);
    times.push_back(free_at[server] - pool.now);
    answers.push({.at = free_at[server], .server = server, .after = times.back()});
  }
  const auto p99 = times.begin() + kRequests * 99 / 100;
  std::nth_element(times.begin(), p99, times.end());
  return std::chrono::duration_cast<milliseconds>(*p99);
}

TEST(SelectorTest, LeastLoadKeepsWaitsTenTimesShorterThanTurnsBesideASlowServer) {
  const milliseconds by_turns = p99_with_one_slow_server(Policy::RoundRobin);
  const milliseconds by_load = p99_with_one_slow_server(Policy::LeastLoad);
  std::printf("99th percentile: %lld ms by turns, %lld ms by load\n",
              static_cast<long long>(by_turns.count()), static_cast<long long>(by_load.count()));
  EXPECT_GE(by_turns, 10 * by_load);
}

}  // namespace
}  // namespace siplb::balance
