#include "app/predecessor.h"

#include <algorithm>
#include <csignal>
#include <sstream>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "config/load.h"
#include "support/notify_socket.h"

namespace siplb::app {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr HashKey kTableKey{{1, 2, 3}};
constexpr uint64_t kCall = uint64_t{77} << 32 | 1;
constexpr Instant kBegin{std::chrono::seconds(1000)};

config::Configuration configured(const std::string& global, size_t server_count = 1) {
  std::string servers;
  for (size_t i = 0; i < server_count; ++i) {
    servers += "{name: s" + std::to_string(i) + ", uri: \"sip:10.0." + std::to_string(i / 250) +
               "." + std::to_string(i % 250) + "\"}, ";
  }
  config::LoadResult loaded = config::load_text(
      "global: {" + global + "}\nlisteners: [{name: edge, address: \"127.0.0.1:0\"}]\n" +
          "groups: [{name: g, policy: random, servers: [" + servers + "]}]\n",
      "test.yaml", "/");
  for (const config::Fault& fault : loaded.faults) ADD_FAILURE() << config::to_text(fault);
  return std::move(loaded.configuration);
}

bool has_call(const CallTables& tables, size_t lane) {
  balance::AffinityCounters counters;
  const proxy::LaneTables& at = tables.by_lane()[lane];
  return balance::AffinityTable(at.calls, at.others, {}, counters).find(kCall, kBegin) != nullptr;
}

CallTables::Shape shape_of(const Sizing& sizing) {
  return {sizing.lanes, sizing.call_entries, sizing.other_entries};
}

class PredecessorTest : public testing::Test {
 protected:
  // One that has left this under the name of the call tables.
  static Predecessor who_left(const net::FileDescriptor& fd) {
    const int copy = ::dup(fd.get());
    return Predecessor(net::InheritedSockets::from({.listen_pid = std::to_string(::getpid()),
                                                    .listen_fds = "1",
                                                    .listen_fdnames = kCallTablesName},
                                                   copy));
  }
  // One that has left tables of this shape with a call on the last lane.
  static Predecessor who_left(const CallTables::Shape& shape) {
    const auto tables = CallTables::create(shape, kTableKey);
    EXPECT_TRUE(tables);
    const proxy::LaneTables& at = tables->by_lane().back();
    balance::AffinityCounters counters;
    EXPECT_EQ(balance::AffinityTable(at.calls, at.others, {}, counters)
                  .put(kCall, 7, 7, 0, balance::AffinityKind::Call, kBegin),
              balance::AffinityTable::PutStatus::Stored);
    return who_left(tables->descriptor());
  }

  StartResult<CallTables> take(Predecessor& predecessor, const config::Configuration& file) {
    return predecessor.take_call_tables(file, predecessor.sizing(file, 2), Systemd(), log_);
  }

  std::ostringstream out_;
  observe::EventLog log_{{.level = observe::LogLevel::Info,
                          .format = observe::LogFormat::Text,
                          .sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(out_)}};
};

TEST_F(PredecessorTest, WhoLeftNothingLeavesAllToTheFile) {
  Predecessor none;
  const config::Configuration file = configured("workers: 2, lanes: 16");
  EXPECT_FALSE(none.has_left_anything());
  EXPECT_EQ(none.sizing(file, 2).lanes, 16U);
  const auto tables = take(none, file);
  ASSERT_TRUE(tables);
  EXPECT_EQ(tables->shape(), shape_of(derive_sizing(file, 2)));
  EXPECT_FALSE(tables->has_old_entries());
  EXPECT_EQ(out_.str(), "");
}

TEST_F(PredecessorTest, TablesAreEachTimeUnderAnotherKey) {
  const config::Configuration file = configured("workers: 2");
  Predecessor first;
  Predecessor second;
  const auto tables = take(first, file);
  const auto others = take(second, file);
  ASSERT_TRUE(tables && others);
  EXPECT_NE(tables->key(), others->key());
}

TEST_F(PredecessorTest, LanesThatWereWinOverTheFile) {
  Predecessor four_lanes = who_left({.lanes = 4, .call_entries = 64, .other_entries = 64});
  EXPECT_EQ(four_lanes.sizing(configured("workers: 2"), 2).lanes, 4U);
  EXPECT_EQ(four_lanes.sizing(configured("workers: 2, lanes: 16"), 2).lanes, 4U);
  EXPECT_EQ(four_lanes.sizing(configured("workers: 16"), 2).workers, 4U);
}

TEST_F(PredecessorTest, SaysWhereTheFileWantsOtherLanes) {
  for (const char* file : {"workers: 2, lanes: 16", "workers: 16"}) {
    out_.str("");
    Predecessor four_lanes = who_left({.lanes = 4, .call_entries = 64, .other_entries = 64});
    EXPECT_TRUE(take(four_lanes, configured(file)));
    EXPECT_THAT(out_.str(), HasSubstr("lanes of the earlier process kept lanes=4")) << file;
  }
  for (const char* file : {"workers: 2", "workers: 1, lanes: 4", "workers: 4"}) {
    out_.str("");
    Predecessor four_lanes = who_left({.lanes = 4, .call_entries = 64, .other_entries = 64});
    EXPECT_TRUE(take(four_lanes, configured(file)));
    EXPECT_THAT(out_.str(), Not(HasSubstr("lanes of the earlier process"))) << file;
  }
}

TEST_F(PredecessorTest, TablesThatFitAreTheOnesThatWereLeft) {
  const config::Configuration file = configured("workers: 2");
  Predecessor predecessor = who_left(shape_of(derive_sizing(file, 2)));
  const auto tables = take(predecessor, file);
  ASSERT_TRUE(tables);
  EXPECT_TRUE(tables->has_old_entries());
  EXPECT_EQ(tables->key(), kTableKey);
  EXPECT_TRUE(has_call(*tables, tables->shape().lanes - 1));
  EXPECT_THAT(out_.str(), HasSubstr("call tables adopted lanes=8"));
  EXPECT_THAT(out_.str(), Not(HasSubstr("resized")));
}

TEST_F(PredecessorTest, EntriesAreCarriedOverWhereTheSizeHasChanged) {
  const config::Configuration file = configured("workers: 2");
  Predecessor predecessor = who_left({.lanes = 8, .call_entries = 64, .other_entries = 64});
  const auto tables = take(predecessor, file);
  ASSERT_TRUE(tables);
  EXPECT_EQ(tables->shape(), shape_of(derive_sizing(file, 2)));
  EXPECT_EQ(tables->key(), kTableKey);
  EXPECT_TRUE(tables->has_old_entries());
  EXPECT_TRUE(tables->descriptor().is_open());
  EXPECT_TRUE(has_call(*tables, 7));
  EXPECT_THAT(out_.str(), HasSubstr("call tables resized"));
}

// Each lane takes some for each of a thousand servers.
TEST_F(PredecessorTest, LanesThatMemoryHasNoRoomForAreGivenUp) {
  config::Configuration file = configured("workers: 1, memory: 64MiB", 1000);
  while (MemoryBudget(file, derive_sizing(file, 2)).fault()) {
    file.global.memory_bytes += config::kMiB;
  }
  Predecessor predecessor = who_left({.lanes = 64, .call_entries = 64, .other_entries = 64});
  ASSERT_TRUE(MemoryBudget(file, derive_sizing(file, 2, 64)).fault());
  EXPECT_EQ(predecessor.sizing(file, 2).lanes, 4U);
  const auto tables = take(predecessor, file);
  ASSERT_TRUE(tables);
  EXPECT_FALSE(tables->has_old_entries());
  EXPECT_NE(tables->key(), kTableKey);
  EXPECT_THAT(out_.str(),
              HasSubstr("call tables not adopted reason=\"no memory for so many lanes\""));
}

TEST_F(PredecessorTest, WhatIsNotOursIsNotAdopted) {
  Predecessor predecessor = who_left(net::FileDescriptor(::eventfd(0, EFD_CLOEXEC)));
  const config::Configuration file = configured("workers: 2");
  const auto tables = take(predecessor, file);
  ASSERT_TRUE(tables);
  EXPECT_TRUE(predecessor.has_left_anything());
  EXPECT_FALSE(tables->has_old_entries());
  EXPECT_THAT(out_.str(), HasSubstr("call tables not adopted reason=\"not sealed\""));
}

TEST_F(PredecessorTest, NewTablesAreKeptInsteadOfTheOld) {
  const test::NotifySocket heard;
  Predecessor none;
  const auto tables = take(none, configured("workers: 2"));
  ASSERT_TRUE(tables);
  EXPECT_EQ(heard.next().text, "FDSTOREREMOVE=1\nFDNAME=v1-calls");
  const test::Notification kept = heard.next();
  EXPECT_EQ(kept.text, "FDSTORE=1\nFDPOLL=0\nFDNAME=v1-calls");
  ASSERT_EQ(kept.fds.size(), 1U);
  const auto adopted = CallTables::adopt(net::FileDescriptor(::dup(kept.fds[0].get())));
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->key(), tables->key());
}

TEST_F(PredecessorTest, ServesWithoutMemoryThatOutlivesIt) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit short_files{.rlim_cur = 4096, .rlim_max = before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &short_files), 0);
  Predecessor none;
  const auto tables = take(none, configured("workers: 2"));
  EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_TRUE(tables);
  EXPECT_FALSE(tables->descriptor().is_open());
  EXPECT_THAT(out_.str(), HasSubstr("call tables end with the process"));
}

}  // namespace
}  // namespace siplb::app
