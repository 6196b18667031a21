#include "ctl/view_tables.h"

#include <exception>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin_answers.h"

namespace siplb::ctl {
namespace {

using testing::HasSubstr;

TEST(ViewTablesTest, ShowsGroups) {
  EXPECT_EQ(groups_table(test::kGroups),
            "GROUP     POLICY       SERVERS  UP  DOWN  IN USE  CALLS  INFLIGHT  NOTE\n"
            "pbx       maglev             8   7     1       6   1203        12\n"
            "carriers  round-robin        2   0     2       2      0         0  panic\n");
}

TEST(ViewTablesTest, ShowsListeners) {
  EXPECT_EQ(listeners_table(test::kListeners),
            "LISTENER  ADDRESS             OVER     ROLE       QUEUE  DROPS  KNOWN AS\n"
            "public    0.0.0.0:5060        udp,tcp  clients  2.0 KiB      0  10.0.0.5:5060 +1\n"
            "inside    [2001:db8::5]:5060  udp      servers      0 B   123k\n");
}

TEST(ViewTablesTest, ShowsWorkers) {
  EXPECT_EQ(workers_table(test::kWorkers),
            "WORKER  LANES    IN   OUT  DROP  REQS  CONNS      P50      P99  SEND  HELD\n"
            "     0      2  123M  123M    12    34    120  0.02 ms  0.31 ms    3%     -\n"
            "IN, OUT, DROP: messages since the start. REQS: requests under way.\n"
            "P50, P99: how long a tick takes. SEND, HELD: slots in use.\n");
}

TEST(ViewTablesTest, ShowsConnections) {
  EXPECT_EQ(connections_table(test::kConnections),
            "tcp: 12 of 20000 accepted, 3 opened\n"
            "\n"
            "LISTENER  ACCEPTED  OPENED\n"
            "public          12       0\n"
            "\n"
            "WORKER  ACCEPTED  OPENED\n"
            "     0        12       3\n"
            "\n"
            "SOURCE             CONNECTIONS\n"
            "192.0.2.1                   11\n"
            "2001:db8:1:2::/64            1\n"
            "At most 1000 of one source.\n");
}

TEST(ViewTablesTest, ShowsMemory) {
  EXPECT_EQ(memory_table(test::kMemory),
            "CONSUMER            SIZE  FOR\n"
            "affinity-calls  16.0 MiB  8 lanes x 65536 entries x 32\n"
            "mailboxes         1000 B\n"
            "16.0 MiB of 512.0 MiB (global.memory), 8.0 MiB resident\n");
  EXPECT_EQ(
      memory_table(R"({"consumers":[],"sum_bytes":0,"limit_bytes":1024,"resident_bytes":null})"),
      "CONSUMER  SIZE  FOR\n0 B of 1.0 KiB (global.memory)\n");
}

TEST(ViewTablesTest, ShowsEventsAsLinesOfALog) {
  EXPECT_EQ(events_text(test::kEvents),
            "2026-11-21 16:00:00.250  info     listening listener=public address=0.0.0.0:5060\n"
            "2026-11-21 16:00:01.000  warning  server down group=pbx reason=\"timed out\"\n");
  EXPECT_EQ(next_event(test::kEvents), "17");
  EXPECT_THAT(event_objects(test::kEvents), HasSubstr("\"timed out\"}\n"));
}

TEST(ViewTablesTest, ShowsTheKeysFingerprint) {
  EXPECT_EQ(key_text(test::kKey),
            "key 0badcafe\n"
            "  file      /var/lib/siplb/key\n"
            "  written   5d ago\n");
  EXPECT_THAT(key_text(R"({"fingerprint":"0badcafe","file":"/k","age_seconds":null})"),
              HasSubstr("  written   it is gone\n"));
}

TEST(ViewTablesTest, ShowsWhatRuns) {
  EXPECT_EQ(status_sheet(test::kStatus),
            "siplb 0.1.0, process 4711, up 2h\n"
            "  runs      1 worker, 4 lanes\n"
            "  file      /etc/siplb/siplb.yaml (0123456789abcdef)\n"
            "  calls     12\n"
            "  new work  yes\n");
}

TEST(ViewTablesTest, SaysWhoIsRefused) {
  EXPECT_EQ(bans_table(test::kBans),
            "SOURCE     REASON                         COUNT\n"
            "192.0.2.1  connections_per_source  1000 of 1000\n");
}

TEST(ViewTablesTest, SaysInWordsThatThereIsNothing) {
  EXPECT_EQ(groups_table(R"({"groups":[]})"), "No groups.\n");
  EXPECT_EQ(listeners_table(R"({"listeners":[]})"), "No listeners.\n");
  EXPECT_EQ(bans_table(R"({"bans":[]})"), "Nobody is refused.\n");
  EXPECT_EQ(last_events_text(R"({"events":[],"next":0})"), "No events.\n");
  EXPECT_EQ(events_text(R"({"events":[],"next":0})"), "");
  EXPECT_EQ(connections_table(R"({"by_listener":[]})"), "No listener takes connections.\n");
  EXPECT_THAT(connections_table(
                  R"({"accepted_max":9,"per_source_max":9,"by_transport":[],"by_worker":[],)"
                  R"("by_listener":[{"listener":"a","accepted":0,"opened":0}],"busiest":[]})"),
              HasSubstr("\nNobody is connected.\n"));
}

TEST(ViewTablesTest, SaysHowFarADrainHasCome) {
  EXPECT_EQ(drain_line(R"({"draining":false,"calls":3})"), "New work is taken.\n");
  EXPECT_EQ(drain_line(R"({"draining":true,"calls":3})"), "New work is refused; 3 calls remain.\n");
  EXPECT_EQ(drain_line(R"({"draining":true,"calls":1})"), "New work is refused; 1 call remains.\n");
  EXPECT_EQ(drain_line(R"({"draining":true,"calls":0})"),
            "New work is refused; no calls remain.\n");
  EXPECT_EQ(drain_state(R"({"draining":true,"calls":3})").calls, 3u);
}

TEST(ViewTablesTest, ShowsWhatAReloadHasChanged) {
  EXPECT_EQ(reload_text(R"({"changes":["group pbx: s3 is new","limits"]})"),
            "group pbx: s3 is new\nlimits\n");
}

TEST(ViewTablesTest, KeepsWithin80Columns) {
  for (const std::string& text :
       {groups_table(test::kGroups), listeners_table(test::kListeners),
        workers_table(test::kWorkers), connections_table(test::kConnections),
        memory_table(test::kMemory), bans_table(test::kBans), status_sheet(test::kStatus)}) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  }
}

TEST(ViewTablesTest, ThrowsWhereTheShapeIsAnother) {
  for (const char* body : {"", "[]", "{}", R"({"groups":[{}]})"}) {
    EXPECT_THROW(static_cast<void>(groups_table(body)), std::exception) << body;
  }
}

}  // namespace
}  // namespace siplb::ctl
