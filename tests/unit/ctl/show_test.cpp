#include "ctl/show.h"

#include <gmock/gmock.h>

#include "admin_answers.h"
#include "support/server_json.h"
#include "typed_command.h"

namespace siplb::ctl {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ShowTest : public test::TypedCommandTest {
 protected:
  static std::string server_body() {
    nlohmann::json server = test::server_json("s1");
    server["transitions"] = nlohmann::json::array();
    return nlohmann::json{{"servers", {server}}}.dump();
  }
};

TEST_F(ShowTest, AsksForOneThingAndPrintsIt) {
  struct Case {
    std::vector<std::string> words;
    std::string asked;
    std::string body;
    std::string printed;  // how it begins
  };
  const Case cases[] = {
      {{"show", "servers"}, "/v1/servers", server_body(), "SERVER"},
      {{"show", "server", "pbx/s1"}, "/v1/servers/pbx/s1", server_body(), "pbx/s1 at"},
      {{"why-down", "pbx/s1"}, "/v1/servers/pbx/s1", server_body(), "pbx/s1 gets new work"},
      {{"show", "groups"}, "/v1/groups", test::kGroups, "GROUP"},
      {{"show", "listeners"}, "/v1/listeners", test::kListeners, "LISTENER"},
      {{"show", "workers"}, "/v1/workers", test::kWorkers, "WORKER"},
      {{"show", "connections"}, "/v1/connections", test::kConnections, "tcp: 12"},
      {{"show", "memory"}, "/v1/memory", test::kMemory, "CONSUMER"},
      {{"show", "events"}, "/v1/events", test::kEvents, "2026-11-21 16"},
      {{"show", "events", "--last", "5"}, "/v1/events?last=5", test::kEvents, "2026-11-21 16"},
      {{"show", "key"}, "/v1/key", test::kKey, "key 0badcafe"},
      {{"bans"}, "/v1/bans", test::kBans, "SOURCE"},
  };
  for (Case each : cases) {
    daemon_.body = each.body;
    EXPECT_EQ(run(each.words), kExitDone) << errors_.str();
    EXPECT_EQ(daemon_.asked, "GET " + each.asked + ' ');
    EXPECT_THAT(out_.str(), StartsWith(each.printed));
    each.words.emplace_back("--json");
    EXPECT_EQ(run(each.words), kExitDone);
    EXPECT_EQ(out_.str(), each.body);
  }
}

TEST_F(ShowTest, FollowsEventsUntilSiplbdIsGone) {
  daemon_.bodies["/v1/events"] = {
      test::kEvents,
      R"({"events":[],"next":17})",
      R"({"events":[{"time":"t","level":"info","event":"stopping"}],"next":18})",
      "no JSON",
  };
  EXPECT_EQ(run({"show", "events", "--follow"}), kExitRefused);
  EXPECT_THAT(out_.str(), HasSubstr("timed out\"\nt  info     stopping\n"));
  EXPECT_EQ(daemon_.asked, "GET /v1/events?since=18 ");
}

TEST_F(ShowTest, FollowsAsAnObjectForEachEvent) {
  daemon_.bodies["/v1/events"] = {
      R"({"events":[{"time":"t","level":"info","event":"ready"}],"next":1})", "no JSON"};
  EXPECT_EQ(run({"show", "events", "--follow", "--json"}), kExitRefused);
  EXPECT_EQ(out_.str(), "{\"time\":\"t\",\"level\":\"info\",\"event\":\"ready\"}\n");
}

}  // namespace
}  // namespace siplb::ctl
