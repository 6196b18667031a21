#include "app/memory_budget.h"

#include <algorithm>
#include <bit>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "balance/affinity.h"
#include "transport/lane_streams.h"

namespace siplb::app {
namespace {

using config::Configuration;
using config::kGiB;
using config::kMiB;

Configuration smallest() {
  Configuration configuration;
  configuration.listeners.push_back(
      {.name = "in", .address = SockAddress::v4(0x0a000005, 5060), .advertise = {}});
  balance::GroupOptions group;
  group.name = "pbx";
  group.servers.push_back({.name = "a", .address = SockAddress::v4(0x0a000001, 5060)});
  configuration.groups.push_back(group);
  return configuration;
}

Configuration with_tcp() {
  Configuration configuration = smallest();
  configuration.listeners[0].transports = {sip::Transport::Udp, sip::Transport::Tcp};
  return configuration;
}

const Consumer& find(const MemoryBudget& budget, std::string_view name) {
  for (const Consumer& consumer : budget.consumers()) {
    if (consumer.name == name) return consumer;
  }
  ADD_FAILURE() << "no consumer " << name;
  return budget.consumers().front();
}

TEST(SizingTest, WorkersFollowTheUsableCores) {
  struct Row {
    size_t cores, workers, lanes;
  };
  for (const Row& row : {Row{1, 1, 4}, Row{2, 2, 8}, Row{3, 3, 16}, Row{4, 3, 16}, Row{5, 4, 16},
                         Row{16, 15, 64}, Row{17, 16, 64}, Row{128, 16, 64}}) {
    const Sizing sizing = derive_sizing(smallest(), row.cores);
    EXPECT_EQ(sizing.workers, row.workers) << row.cores << " cores";
    EXPECT_EQ(sizing.lanes, row.lanes) << row.cores << " cores";
  }
}

TEST(SizingTest, TakesWhatTheFileSets) {
  Configuration configuration = smallest();
  configuration.global.workers = 5;
  EXPECT_EQ(derive_sizing(configuration, 1).workers, 5U);
  EXPECT_EQ(derive_sizing(configuration, 1).lanes, 32U);
  configuration.global.workers = 64;
  EXPECT_EQ(derive_sizing(configuration, 1).lanes, 64U);
  configuration.global.workers = 0;
  configuration.global.lanes = 2;
  EXPECT_EQ(derive_sizing(configuration, 16).lanes, 2U);
  EXPECT_EQ(derive_sizing(configuration, 16).workers, 2U);
}

TEST(SizingTest, CallTablesHoldAtLeastTheLimit) {
  Configuration configuration = smallest();
  for (const size_t calls : {size_t{1024}, size_t{1025}, size_t{262144}}) {
    configuration.limits.calls = calls;
    const Sizing sizing = derive_sizing(configuration, 2);
    EXPECT_GE(sizing.call_entries * sizing.lanes, calls);
    EXPECT_LT(sizing.call_entries * sizing.lanes, 2 * calls + sizing.lanes);
  }
}

TEST(SizingTest, KeepsTheOwnersRequirementsAtEverySize) {
  Configuration configuration = smallest();
  for (const size_t memory : {config::kMemoryBytesMin, 512 * kMiB, config::kMemoryBytesMax}) {
    for (const size_t workers : {1U, 3U, 64U}) {
      configuration.global.memory_bytes = memory;
      configuration.global.workers = workers;
      const Sizing sizing = derive_sizing(configuration, 1);
      EXPECT_TRUE(std::has_single_bit(sizing.call_entries));
      EXPECT_GE(sizing.call_entries, balance::AffinityTable::kWays);
      EXPECT_TRUE(std::has_single_bit(sizing.other_entries));
      EXPECT_GE(sizing.other_entries, balance::AffinityTable::kWays);
      EXPECT_TRUE(std::has_single_bit(sizing.mailbox.small_count));
      EXPECT_TRUE(std::has_single_bit(sizing.mailbox.large_count));
      EXPECT_GE(sizing.mailbox.large_count, 2U);
      EXPECT_GE(sizing.slots.large_count, 1U);
      EXPECT_GE(sizing.sockets.endpoint_entries, 1U);
      EXPECT_LT(sizing.sockets.endpoint_entries, sizing.sockets.queue_entries);
    }
  }
}

TEST(MemoryBudgetTest, WhatIsDerivedFitsOnEveryMachine) {
  Configuration configuration = smallest();
  for (size_t cores = 1; cores <= 64; ++cores) {
    const MemoryBudget budget(configuration, derive_sizing(configuration, cores));
    EXPECT_EQ(budget.fault(), std::nullopt) << cores << " cores\n" << budget.table();
  }
  configuration.global.memory_bytes = config::kMemoryBytesMin;
  EXPECT_EQ(MemoryBudget(configuration, derive_sizing(configuration, 1)).fault(), std::nullopt);
}

TEST(MemoryBudgetTest, WhatIsDerivedFitsWithStreamsToo) {
  Configuration configuration = with_tcp();
  for (size_t cores = 1; cores <= 64; ++cores) {
    const MemoryBudget budget(configuration, derive_sizing(configuration, cores));
    EXPECT_EQ(budget.fault(), std::nullopt) << cores << " cores\n" << budget.table();
  }
  configuration.global.memory_bytes = config::kMemoryBytesMin;
  for (const size_t cores : {1, 2}) {
    const MemoryBudget least(configuration, derive_sizing(configuration, cores));
    EXPECT_EQ(least.fault(), std::nullopt) << least.table();
  }
}

TEST(MemoryBudgetTest, ReservesNothingForStreamsThatNoListenerHas) {
  const Configuration without = smallest();
  const Sizing sizing = derive_sizing(without, 2);
  EXPECT_FALSE(sizing.has_streams);
  const MemoryBudget budget(without, sizing);
  const auto is_of_streams = [](const Consumer& consumer) {
    return consumer.name.starts_with("stream-") || consumer.name.starts_with("unfinished-");
  };
  EXPECT_TRUE(std::none_of(budget.consumers().begin(), budget.consumers().end(), is_of_streams));
  const MemoryBudget with(with_tcp(), derive_sizing(with_tcp(), 2));
  EXPECT_EQ(std::count_if(with.consumers().begin(), with.consumers().end(), is_of_streams), 7);
}

TEST(SizingTest, ConnectionsFollowFromTheMemoryUnlessTheFileSetsThem) {
  Configuration configuration = with_tcp();
  EXPECT_EQ(derive_sizing(configuration, 1).census.connections_max, 20000U);
  configuration.global.memory_bytes = config::kMemoryBytesMin;
  const size_t least = derive_sizing(configuration, 1).census.connections_max;
  EXPECT_GE(least, 500U);
  EXPECT_LT(least, 20000U);
  configuration.limits.connections = 20000;
  EXPECT_EQ(derive_sizing(configuration, 1).census.connections_max, 20000U);
}

TEST(SizingTest, ALaneHasRoomForTwiceItsShareOfConnectionsAndForOnesWeOpen) {
  Configuration configuration = with_tcp();
  configuration.limits.connections = 1002;
  configuration.global.lanes = 4;
  EXPECT_EQ(derive_sizing(configuration, 1).streams.channels, 2 * 251 + 64U);
  configuration.groups[0].servers[0].transport = sip::Transport::Tcp;
  EXPECT_EQ(derive_sizing(configuration, 1).streams.channels, 2 * 251 + 66U);
  configuration.groups[0].servers[0].transport = sip::Transport::Udp;
  configuration.groups[0].servers[0].takes_tcp = true;
  EXPECT_EQ(derive_sizing(configuration, 1).streams.channels, 2 * 251 + 66U);
  configuration.global.lanes = 1;
  const Sizing one = derive_sizing(configuration, 1);
  EXPECT_EQ(one.streams.channels, 1002 + 66U);
  EXPECT_EQ(one.census.channels, one.streams.channels);
  EXPECT_EQ(one.census.lanes, 1U);
}

TEST(SizingTest, StreamsHaveTheLimitsAndTimersOfTheFile) {
  Configuration configuration = with_tcp();
  configuration.limits.connections_per_source = 7;
  configuration.limits.connection_queue = 8;
  configuration.limits.connection_queue_bytes = 9000;
  configuration.limits.message_bytes = 1000;
  configuration.stream_timers.idle = std::chrono::seconds(5);
  configuration.groups.push_back(configuration.groups[0]);
  configuration.groups[0].failover.first_response_timeout = std::chrono::seconds(3);
  const Sizing sizing = derive_sizing(configuration, 1);
  EXPECT_EQ(sizing.census.connections_per_source, 7U);
  EXPECT_EQ(sizing.streams.channel_entries, 8U);
  EXPECT_EQ(sizing.streams.channel_octets, 9000U);
  EXPECT_EQ(sizing.streams.message_octets_max, 1000U);
  EXPECT_EQ(sizing.streams.timers.idle, std::chrono::seconds(5));
  EXPECT_EQ(sizing.streams.timers.queued, std::chrono::seconds(3));
}

TEST(MemoryBudgetTest, CountsWhatStreamsHave) {
  const Configuration configuration = with_tcp();
  Sizing sizing = derive_sizing(configuration, 2);
  sizing.unfinished = {.small_count = 100, .medium_count = 10, .large_count = 1};
  const MemoryBudget budget(configuration, sizing);
  EXPECT_EQ(find(budget, "unfinished-small").octets, 2U * 100 * 2048);
  EXPECT_EQ(find(budget, "unfinished-medium").octets, 2U * 10 * 8192);
  EXPECT_EQ(find(budget, "unfinished-large").octets, 2U * 65536);
  EXPECT_EQ(find(budget, "stream-areas").octets,
            2 * (transport::kStreamAreaOctets + net::Mailbox::kLargeOctetsMax));
  EXPECT_EQ(
      find(budget, "stream-channels").octets + find(budget, "stream-queues").octets,
      8 * (sizeof(transport::LaneStreams) + transport::LaneStreams::memory_octets(sizing.streams)));
  EXPECT_THAT(find(budget, "stream-channels").derivation,
              testing::EndsWith(" channels, for 20000 connections"));
  EXPECT_EQ(find(budget, "stream-census").octets,
            transport::ConnectionCensus::memory_octets(sizing.census));
}

TEST(MemoryBudgetTest, ConsumersHaveTheirOwnNamesAndAddUp) {
  const Configuration configuration = with_tcp();
  const MemoryBudget budget(configuration, derive_sizing(configuration, 2));
  std::set<std::string_view> names;
  size_t sum = 0;
  for (const Consumer& consumer : budget.consumers()) {
    names.insert(consumer.name);
    sum += consumer.octets;
    EXPECT_GT(consumer.octets, 0U) << consumer.name;
    EXPECT_FALSE(consumer.derivation.empty()) << consumer.name;
  }
  EXPECT_EQ(names.size(), budget.consumers().size());
  EXPECT_EQ(budget.sum(), sum);
}

TEST(MemoryBudgetTest, CountsWhatEachLaneAndWorkerHas) {
  const Configuration configuration = smallest();
  Sizing sizing = derive_sizing(configuration, 2);
  sizing.call_entries = 1024;
  const MemoryBudget budget(configuration, sizing);
  EXPECT_EQ(find(budget, "affinity-calls").octets, 8U * 1024 * 32);
  EXPECT_EQ(find(budget, "affinity-calls").derivation, "8 lanes x 1024 entries x 32");
  EXPECT_EQ(find(budget, "receive-areas").octets, 2U * 64 * 65536);
}

TEST(MemoryBudgetTest, CountsTheExpressionsOfRoutesWhereThereAreAny) {
  Configuration configuration = smallest();
  configuration.routes = {{.request_user = "88*"}};
  const Sizing sizing = derive_sizing(configuration, 2);
  const MemoryBudget without(configuration, sizing);
  configuration.routes = {{.request_user = "~^88", .headers = {{"User-Agent", "~scan"}}},
                          {.request_host = "~x"}};
  const MemoryBudget with(configuration, sizing);
  EXPECT_EQ(with.consumers().size(), without.consumers().size() + 1);
  EXPECT_EQ(find(with, "expressions").octets, 2U * 3 * 262144);
  EXPECT_EQ(find(with, "expressions").derivation, "2 workers x 3 expressions x 262144");
}

TEST(MemoryBudgetTest, ThereAreMorePlacesForServersThanServers) {
  Configuration configuration = smallest();
  EXPECT_EQ(derive_sizing(configuration, 1).servers, 2U + 64U);
  configuration.groups[0].servers[0].host = "pbx.example.com";
  EXPECT_EQ(derive_sizing(configuration, 1).servers, 2 * balance::kPlacesPerName + 64U);
  configuration.groups[0].servers.resize(1500);
  EXPECT_EQ(derive_sizing(configuration, 1).servers, 2 * 1507 + 64U);
  configuration.groups[0].servers.resize(4000);
  EXPECT_EQ(derive_sizing(configuration, 1).servers, balance::kServersMax);
  configuration.limits.servers = 4010;
  EXPECT_EQ(derive_sizing(configuration, 1).servers, 4010U);
}

TEST(MemoryBudgetTest, CountsEachPlaceForServers) {
  const Configuration configuration = smallest();
  Sizing sizing = derive_sizing(configuration, 2);
  sizing.servers = 10;
  const MemoryBudget few(configuration, sizing);
  sizing.servers = 80;
  const MemoryBudget more(configuration, sizing);
  EXPECT_EQ(find(more, "load-board").octets, 8 * find(few, "load-board").octets);
  EXPECT_EQ(find(more, "call-counts").octets, 8 * find(few, "call-counts").octets);
  EXPECT_EQ(find(more, "load-board").derivation, "2 workers x 80 places for servers");
  for (const std::string_view name : {"prober", "topology", "lane-state"}) {
    EXPECT_GT(find(more, name).octets, find(few, name).octets) << name;
  }
}

TEST(MemoryBudgetTest, CountsEachPlaceOfANameAsAServer) {
  Configuration configuration = smallest();
  const Sizing sizing = derive_sizing(configuration, 2);
  const MemoryBudget with_address(configuration, sizing);
  configuration.groups[0].servers[0].host = "pbx.example.com";
  const MemoryBudget with_name(configuration, sizing);
  EXPECT_GT(find(with_name, "topology").octets, find(with_address, "topology").octets);
  EXPECT_GT(find(with_name, "http").octets, find(with_address, "http").octets);
}

TEST(MemoryBudgetTest, RefusesASumAboveTheCeilingAndNamesTheLargest) {
  Configuration configuration = smallest();
  configuration.limits.calls = size_t{1} << 30;
  const MemoryBudget budget(configuration, derive_sizing(configuration, 1));
  ASSERT_TRUE(budget.fault());
  EXPECT_THAT(*budget.fault(), testing::StartsWith("global.memory is 512MiB, but "));
  EXPECT_THAT(*budget.fault(), testing::HasSubstr("'affinity-calls': 4 lanes x 268435456 entries"));
}

TEST(MemoryBudgetTest, TakesASumAtTheCeiling) {
  Configuration configuration = smallest();
  const Sizing sizing = derive_sizing(configuration, 1);
  configuration.global.memory_bytes = MemoryBudget(configuration, sizing).sum();
  EXPECT_EQ(MemoryBudget(configuration, sizing).fault(), std::nullopt);
  --configuration.global.memory_bytes;
  EXPECT_NE(MemoryBudget(configuration, sizing).fault(), std::nullopt);
}

TEST(MemoryBudgetTest, TableListsEveryConsumerSumAndKernel) {
  const Configuration configuration = with_tcp();
  const MemoryBudget budget(configuration, derive_sizing(configuration, 1));
  const std::string table = budget.table();
  for (const Consumer& consumer : budget.consumers()) {
    EXPECT_THAT(table, testing::HasSubstr("  " + std::string(consumer.name) + " "));
  }
  EXPECT_THAT(table, testing::HasSubstr("of 512MiB (global.memory)"));
  EXPECT_THAT(table, testing::HasSubstr("4 lanes x 1 listeners x 8388608 at most"));
}

}  // namespace
}  // namespace siplb::app
