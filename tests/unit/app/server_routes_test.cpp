#include "app/server_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "asked_routes.h"
#include "controlled_pool.h"
#include "support/server_json.h"
#include "support/tight_files.h"

namespace siplb::app {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

class ServerRoutesTest : public testing::Test {
 protected:
  void SetUp() override { pool_.start(); }

  [[nodiscard]] test::AskedRoutes routes() {
    return test::AskedRoutes(server_routes(*pool_.control));
  }
  AdminAnswer change(const std::string& server, std::string_view body) {
    return routes().post("/v1/servers/pbx/" + server, body);
  }
  Json first(const AdminAnswer& answer) {
    EXPECT_EQ(answer.status, 200) << answer.body;
    return Json::parse(answer.body).at("servers").at(0);
  }

  test::ControlledPool pool_;
};

TEST_F(ServerRoutesTest, ShowsServersWithoutTheirTransitions) {
  const Json servers = routes().shown("/v1/servers").at("servers");
  ASSERT_EQ(servers.size(), 2u);
  EXPECT_EQ(servers[0], test::server_json("s1", {{"address", "127.0.0.1:5061"}}));
}

TEST_F(ServerRoutesTest, ShowsTheTransitionsOfOneServer) {
  pool_.transitions[0] = {
      {.wall = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'763'740'800'007)),
       .health = balance::HealthState::Down,
       .operator_state = balance::OperatorState::Drain,
       .reason = balance::HealthReason::TimedOut}};
  const Json expected = {{{"at", "2025-11-21T16:00:00.007Z"},
                          {"health", "down"},
                          {"state", "drain"},
                          {"reason", "timed-out"}}};
  EXPECT_EQ(first(routes().get("/v1/servers/pbx/s1")).at("transitions"), expected);
}

TEST_F(ServerRoutesTest, SaysWhatStandsInTheWayOfNewWork) {
  pool_.set_health(0, balance::HealthState::Down, balance::HealthReason::Refused);
  const Json shown = first(routes().get("/v1/servers/pbx/s1"));
  EXPECT_FALSE(shown.at("takes_new_work").get<bool>());
  EXPECT_THAT(shown.at("obstacles").at(0).get<std::string>(), HasSubstr("probes are refused"));
  EXPECT_GE(shown.at("health_seconds").get<double>(), 0);
}

TEST_F(ServerRoutesTest, ChangesStateAndWeight) {
  const Json shown = first(change("s1", R"({"state":"drain","weight":50})"));
  EXPECT_EQ(shown.at("state"), "drain");
  EXPECT_EQ(shown.at("weight"), 50);
  EXPECT_EQ(shown.at("set_weight"), 50);
  EXPECT_EQ(shown.at("configured_weight"), 100);
  EXPECT_THAT(pool_.logged.str(), HasSubstr("uid=7"));
}

TEST_F(ServerRoutesTest, RefusesChangesThatItDoesNotUnderstand) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "the body is no JSON object"},
      {"{", "the body is no JSON object"},
      {"[]", "the body is no JSON object"},
      {"{}", "neither state nor weight is given"},
      {R"({"force":true})", "neither state nor weight is given"},
      {R"({"state":"sleep"})", "state is ready, drain or maint"},
      {R"({"state":1})", "state is ready, drain or maint"},
      {R"({"weight":1001})", "weight is a number from 0 to 1000"},
      {R"({"weight":-1})", "weight is a number from 0 to 1000"},
      {R"({"weight":1.5})", "weight is a number from 0 to 1000"},
      {R"({"weight":"5"})", "weight is a number from 0 to 1000"},
      {R"({"weight":5,"force":1})", "force is true or false"},
      {R"({"weight":5,"colour":"red"})", "unknown key 'colour'"},
  };
  for (const auto& [body, text] : cases) {
    const AdminAnswer answer = change("s1", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(Json::parse(answer.body), Json({{"error", text}}));
  }
  EXPECT_EQ(change("s1", std::string(4096, '[')).status, 400);
  EXPECT_EQ(pool_.plan_count, 0);
}

TEST_F(ServerRoutesTest, TellsRefusalsApartByTheirStatus) {
  EXPECT_EQ(change("s3", R"({"weight":5})").status, 404);
  EXPECT_EQ(routes().get("/v1/servers/pbx/s3").status, 404);
  EXPECT_EQ(change("s1", R"({"state":"drain"})").status, 200);
  EXPECT_EQ(change("s2", R"({"state":"drain"})").status, 409);
  EXPECT_EQ(change("s2", R"({"state":"drain","force":false})").status, 409);
  EXPECT_EQ(change("s2", R"({"state":"drain","force":true})").status, 200);
  {
    const test::TightFiles full(4);
    EXPECT_EQ(change("s1", R"({"state":"maint"})").status, 500);
  }
  pool_.control->stop();
  EXPECT_EQ(routes().get("/v1/servers").status, 503);
}

}  // namespace
}  // namespace siplb::app
