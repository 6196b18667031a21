#include "transport/connection_census.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace siplb::transport {
namespace {

SockAddress source(uint32_t number) {
  return SockAddress::v4(0x0A000000 + number, 5060);
}

constexpr ConnectionCensusOptions kSmall{
    .lanes = 2, .channels = 3, .connections_max = 4, .connections_per_source = 3, .seed = 42};

TEST(ConnectionCensusTest, AdmitsUntilItIsFull) {
  ConnectionCensus census(kSmall);
  EXPECT_EQ(census.accepted(), 0U);
  for (uint32_t i = 0; i < 4; ++i) EXPECT_EQ(census.admit(source(i)), Admission::Admitted);
  EXPECT_EQ(census.admit(source(9)), Admission::Full);
  EXPECT_EQ(census.accepted(), 4U);
  census.leave(source(2));
  EXPECT_EQ(census.accepted(), 3U);
  EXPECT_EQ(census.admit(source(9)), Admission::Admitted);
}

TEST(ConnectionCensusTest, AdmitsNoneWhereNoneIsAllowed) {
  ConnectionCensusOptions options = kSmall;
  options.connections_max = 0;
  ConnectionCensus census(options);
  EXPECT_EQ(census.admit(source(1)), Admission::Full);
  EXPECT_EQ(census.accepted(), 0U);
}

TEST(ConnectionCensusTest, RefusesASourceThatHasTooMany) {
  ConnectionCensus census(kSmall);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(census.admit(source(1)), Admission::Admitted);
  EXPECT_EQ(census.admit(source(1)), Admission::SourceFull);
  EXPECT_EQ(census.accepted(), 3U);
  EXPECT_EQ(census.admit(source(2)), Admission::Admitted);
  census.leave(source(1));
  EXPECT_EQ(census.admit(source(1)), Admission::Admitted);
}

TEST(ConnectionCensusTest, RefusalForWantOfPlaceCostsTheSourceNothing) {
  ConnectionCensus census(kSmall);
  for (uint32_t i = 0; i < 4; ++i) EXPECT_EQ(census.admit(source(i)), Admission::Admitted);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(census.admit(source(9)), Admission::Full);
  for (uint32_t i = 0; i < 4; ++i) census.leave(source(i));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(census.admit(source(9)), Admission::Admitted);
}

TEST(ConnectionCensusTest, GivesEachSourceAFewLargeSlots) {
  ConnectionCensus census(kSmall);
  for (size_t i = 0; i < ConnectionCensus::kLargePerSource; ++i) {
    EXPECT_TRUE(census.admit_large(source(1)));
  }
  EXPECT_FALSE(census.admit_large(source(1)));
  EXPECT_TRUE(census.admit_large(source(2)));
  census.leave_large(source(1));
  EXPECT_TRUE(census.admit_large(source(1)));
}

TEST(ConnectionCensusTest, GivesEachSourceItsShareOfUnfinishedMessages) {
  ConnectionCensus census({.unfinished_per_source = 2});
  EXPECT_TRUE(census.admit_unfinished(source(1)));
  EXPECT_TRUE(census.admit_unfinished(source(1)));
  EXPECT_FALSE(census.admit_unfinished(source(1)));
  EXPECT_TRUE(census.admit_unfinished(source(2)));
  census.leave_unfinished(source(1));
  EXPECT_TRUE(census.admit_unfinished(source(1)));
}

TEST(ConnectionCensusTest, CountsLargeSlotsApartFromConnections) {
  ConnectionCensus census(kSmall);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(census.admit(source(1)), Admission::Admitted);
  EXPECT_TRUE(census.admit_large(source(1)));
  EXPECT_EQ(census.accepted(), 3U);
}

TEST(ConnectionCensusTest, ConnectionLivesFromItsBeginningToItsEnd) {
  ConnectionCensus census(kSmall);
  const ConnectionId id({.lane = 1, .slot = 2, .generation = 7});
  EXPECT_FALSE(census.is_alive(id));
  census.set_alive({.connection = id});
  EXPECT_TRUE(census.is_alive(id));
  census.set_ended(id);
  EXPECT_FALSE(census.is_alive(id));
}

TEST(ConnectionCensusTest, OneWithAnyOtherNameIsNotAlive) {
  ConnectionCensus census(kSmall);
  census.set_alive({.connection = ConnectionId({.lane = 1, .slot = 2, .generation = 7})});
  struct Case {
    const char* description;
    ConnectionId::Parts parts;
  };
  for (const Case& c : {
           Case{"an earlier use of the slot", {.lane = 1, .slot = 2, .generation = 6}},
           Case{"a later use of the slot", {.lane = 1, .slot = 2, .generation = 8}},
           Case{"another slot", {.lane = 1, .slot = 1, .generation = 7}},
           Case{"another lane", {.lane = 0, .slot = 2, .generation = 7}},
           Case{"opened by us", {.lane = 1, .is_outbound = true, .slot = 2, .generation = 7}},
           Case{"no connection", {.lane = 1, .slot = 2, .generation = 0}},
           Case{"no connection in an empty slot", {}},
           Case{"a slot that there is not", {.lane = 0, .slot = 5, .generation = 7}},
           Case{"a lane that there is not", {.lane = 2, .slot = 0, .generation = 7}},
       }) {
    EXPECT_FALSE(census.is_alive(ConnectionId(c.parts))) << c.description;
  }
}

TEST(ConnectionCensusTest, ShowsWhereThoseThatLiveComeFrom) {
  ConnectionCensus census(kSmall);
  const auto shown = [&] {
    std::vector<std::string> out;
    census.for_each_living([&](const ConnectionCensus::Living& each) {
      out.push_back(std::to_string(each.id.lane()) + " by " + std::to_string(each.listener) +
                    " of " + std::string(each.source.text()));
    });
    return out;
  };
  EXPECT_EQ(shown(), std::vector<std::string>());
  const ConnectionId first({.lane = 0, .slot = 0, .generation = 1});
  census.set_alive({.remote = *SockAddress::parse("192.0.2.255:40000"), .connection = first});
  census.set_alive({.remote = *SockAddress::parse("[2001:db8:1:2:3:4:5:6]:40000"),
                    .listener = 3,
                    .connection = ConnectionId({.lane = 1, .slot = 2, .generation = 9})});
  EXPECT_EQ(shown(),
            (std::vector<std::string>{"0 by 0 of 192.0.2.255:0", "1 by 3 of [2001:db8:1:2::]:0"}));
  census.set_ended(first);
  EXPECT_EQ(shown(), std::vector<std::string>{"1 by 3 of [2001:db8:1:2::]:0"});
}

TEST(ConnectionCensusTest, SlotIsReusedByTheNextGeneration) {
  ConnectionCensus census(kSmall);
  for (uint32_t generation = 1; generation <= 3; ++generation) {
    const ConnectionId id({.slot = 0, .generation = generation});
    census.set_alive({.connection = id});
    EXPECT_TRUE(census.is_alive(id));
    census.set_ended(id);
  }
}

TEST(ConnectionCensusTest, NeverHoldsMoreThanItMayInManyThreads) {
  ConnectionCensus census(kSmall);
  std::atomic<size_t> held{0};
  std::atomic<size_t> held_max{0};
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const SockAddress own = source(i);
      for (int round = 0; round < 10000; ++round) {
        size_t taken = 0;
        while (taken < 2 && census.admit(own) == Admission::Admitted) ++taken;
        const size_t now = held += taken;
        if (now > kSmall.connections_max) held_max = now;
        held -= taken;
        for (; taken > 0; --taken) census.leave(own);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(held_max, 0U);
  EXPECT_EQ(census.accepted(), 0U);
}

TEST(ConnectionCensusTest, MemoryGrowsWithTheConnections) {
  ConnectionCensusOptions more = kSmall;
  more.channels += 1000;
  EXPECT_EQ(ConnectionCensus::memory_octets(more) - ConnectionCensus::memory_octets(kSmall),
            2000 * 3 * sizeof(uint64_t));
}

}  // namespace
}  // namespace siplb::transport
