#include "ctl/tables.h"

#include <exception>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "support/server_json.h"

namespace siplb::ctl {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using Json = nlohmann::json;

// A server that is as well as can be.
Json server(const std::string& name, const Json& changes = {}) {
  Json out = test::server_json(name, {{"health", "up"},
                                      {"reason", "answered"},
                                      {"health_seconds", 305.7},
                                      {"calls", 12},
                                      {"reserved_calls", 1},
                                      {"inflight", 3},
                                      {"answer_seconds", 0.00123},
                                      {"transitions", Json::array()}});
  if (!changes.is_null()) out.update(changes);
  return out;
}

std::string body(const std::vector<Json>& servers) {
  return Json{{"servers", servers}}.dump();
}

Json drained() {
  return {{"state", "drain"},
          {"takes_new_work", false},
          {"obstacles", {"An operator drains it: no new work, dialogs go on."}}};
}

TEST(ServersTableTest, ShowsARowForEachServer) {
  const Json down = {{"health", "down"}, {"reason", "timed-out"}, {"health_seconds", 12.0},
                     {"calls", 0},       {"reserved_calls", 0},   {"inflight", 0}};
  EXPECT_EQ(servers_table(body({server("s1"), server("s2", down)})),
            "SERVER  STATE  HEALTH  WEIGHT  CALLS  INFLIGHT  SINCE  REASON\n"
            "pbx/s1  ready  up         100     13         3     5m\n"
            "pbx/s2  ready  down       100      0         0    12s  timed-out\n");
}

TEST(ServersTableTest, MarksWeightsThatWereSet) {
  const std::string table =
      servers_table(body({server("s1", {{"weight", 50}, {"set_weight", 50}}), server("s2")}));
  EXPECT_THAT(table, HasSubstr("  50*  "));
  EXPECT_THAT(table, HasSubstr("  100  "));
  EXPECT_THAT(table, EndsWith("\n* set at run time\n"));
}

TEST(ServersTableTest, NamesGroupsThatPanicOnce) {
  const std::string table =
      servers_table(body({server("s1", {{"panic", true}}), server("s2", {{"panic", true}})}));
  EXPECT_THAT(table, EndsWith("\npbx: too few servers are up, health is ignored.\n"));
  EXPECT_EQ(table.find("too few"), table.rfind("too few"));
}

TEST(ServersTableTest, SaysWhoPausesAfterA503) {
  EXPECT_THAT(servers_table(body({server("s1", {{"busy_seconds", 2.5}})})),
              HasSubstr("5m  busy\n"));
}

TEST(ServersTableTest, LeavesOutPlacesWithoutAnAddress) {
  const Json empty = {{"address", nullptr}, {"weight", 0}};
  const std::string some =
      servers_table(body({server("s1/1"), server("s1/2", empty), server("s2")}));
  EXPECT_THAT(some, HasSubstr("pbx/s1/1"));
  EXPECT_THAT(some, Not(HasSubstr("pbx/s1/2")));

  const std::string none =
      servers_table(body({server("s1/1", empty), server("s1/2", empty), server("s2")}));
  EXPECT_THAT(none, HasSubstr("pbx/s1/1"));
  EXPECT_THAT(none, HasSubstr("no address\n"));
  EXPECT_THAT(none, Not(HasSubstr("pbx/s1/2")));
}

TEST(ServersTableTest, KeepsWithin80Columns) {
  const Json worst = {{"group", "trunks"},      {"state", "maint"},      {"health", "unknown"},
                      {"reason", "unsendable"}, {"weight", 1000},        {"set_weight", 1000},
                      {"calls", 99999},         {"health_seconds", 1e6}, {"inflight", 12345}};
  std::istringstream lines(servers_table(body({server("gateway-01", worst)})));
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
}

TEST(ServersTableTest, SaysThatThereAreNone) {
  EXPECT_EQ(servers_table(body({})), "No servers.\n");
}

TEST(ServerSheetTest, ShowsAllThatIsKnown) {
  const Json changes = {
      {"max_calls", 500},
      {"transitions",
       {{{"at", "2026-11-21T16:00:00.250Z"},
         {"health", "up"},
         {"state", "ready"},
         {"reason", "answered"}}}},
  };
  EXPECT_EQ(server_sheet(body({server("s1", changes)})),
            "pbx/s1 at 10.0.0.11:5060 over udp, priority 0\n"
            "  state     ready\n"
            "  health    up for 5m (answered)\n"
            "  weight    100\n"
            "  calls     13 of 500, 1 being set up\n"
            "  inflight  3\n"
            "  answers   after 1.23 ms\n"
            "  new work  yes\n"
            "\n"
            "  CHANGED                   HEALTH  STATE  REASON\n"
            "  2026-11-21T16:00:00.250Z  up      ready  answered\n");
}

TEST(ServerSheetTest, SaysHowManyCallsRemainWhileItDrains) {
  const std::string sheet = server_sheet(body({server("s1", drained())}));
  EXPECT_THAT(sheet, HasSubstr("state     drain, 13 calls remain\n"));
  EXPECT_THAT(sheet, HasSubstr("new work  none\n\n  An operator drains it"));

  Json one = drained();
  one.update({{"calls", 1}, {"reserved_calls", 0}});
  EXPECT_THAT(server_sheet(body({server("s1", one)})), HasSubstr("drain, 1 call remains\n"));
  one["calls"] = 0;
  EXPECT_THAT(server_sheet(body({server("s1", one)})), HasSubstr("drain, no calls remain\n"));
}

TEST(ServerSheetTest, ShowsWhatIsNotKnownAsSuch) {
  const Json fresh = {{"health", "unknown"},
                      {"reason", "start"},
                      {"health_seconds", nullptr},
                      {"answer_seconds", nullptr}};
  const std::string sheet = server_sheet(body({server("s1", fresh)}));
  EXPECT_THAT(sheet, HasSubstr("health    unknown (start)\n"));
  EXPECT_THAT(sheet, HasSubstr("answers   not known\n"));
}

TEST(ServerSheetTest, ShowsEachPlaceOfANameThatHasAnAddress) {
  const std::string sheet =
      server_sheet(body({server("s1/1"), server("s1/2", {{"address", nullptr}}), server("s1/3")}));
  EXPECT_THAT(sheet, HasSubstr("pbx/s1/1 at "));
  EXPECT_THAT(sheet, Not(HasSubstr("pbx/s1/2")));
  EXPECT_THAT(sheet, HasSubstr("\n\npbx/s1/3 at "));
}

TEST(WhyDownTest, SaysWhyInSentences) {
  EXPECT_EQ(why_down_text(body({server("s1", drained())})),
            "pbx/s1 gets no new work:\n"
            "  An operator drains it: no new work, dialogs go on.\n");
}

TEST(WhyDownTest, SaysThatAServerIsNotDown) {
  EXPECT_EQ(why_down_text(body({server("s1")})), "pbx/s1 gets new work.\n");
  EXPECT_EQ(why_down_text(body({server("s1", {{"panic", true}, {"health", "down"}})})),
            "pbx/s1 gets new work, since too few servers of its group are up.\n");
}

TEST(ChangeLineTest, SaysWhatTheServerIsNow) {
  EXPECT_EQ(change_line(body({server("s1", drained())})),
            "pbx/s1: drain, 13 calls remain, weight 100\n");
  EXPECT_EQ(change_line(body({server("s1", {{"weight", 50}, {"set_weight", 50}})})),
            "pbx/s1: ready, weight 50 (set at run time; 100 in the configuration)\n");
}

TEST(TablesTest, KnowAgesInTheirGreatestUnit) {
  struct Case {
    double seconds;
    const char* shown;
  };
  for (const Case& each : {Case{0, " 0s\n"},
                           {59.9, " 59s\n"},
                           {60, " 1m\n"},
                           {3599, " 59m\n"},
                           {3600, " 1h\n"},
                           {86399, " 23h\n"},
                           {86400, " 1d\n"},
                           {864000, " 10d\n"}}) {
    EXPECT_THAT(servers_table(body({server("s1", {{"health_seconds", each.seconds}})})),
                EndsWith(each.shown));
  }
}

TEST(TablesTest, ThrowAtWhatIsNoAnswerOfSiplbd) {
  for (const char* wrong : {"", "{}", "[]", "{\"servers\":[{}]}", "<html>"}) {
    EXPECT_THROW(static_cast<void>(servers_table(wrong)), std::exception) << wrong;
    EXPECT_THROW(static_cast<void>(error_text(wrong)), std::exception) << wrong;
  }
  EXPECT_EQ(error_text("{\"error\":\"no\"}"), "no");
}

}  // namespace
}  // namespace siplb::ctl
