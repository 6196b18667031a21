#include "app/view_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin_fixture.h"

namespace siplb::app {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

class ViewRoutesTest : public test::AdminFixture {
 protected:
  [[nodiscard]] test::AskedRoutes routes() { return test::AskedRoutes(view_routes(parts())); }
  [[nodiscard]] Json shown(const std::string& resource) { return routes().shown(resource); }
};

TEST_F(ViewRoutesTest, ShowsGroups) {
  pool_.set_health(0, balance::HealthState::Down);
  const Json expected = {
      {"name", "pbx"}, {"policy", "round-robin"}, {"servers", 2}, {"up", 0},
      {"down", 1},     {"taking_new_work", 1},    {"calls", 0},   {"reserved_calls", 0},
      {"inflight", 0}, {"panic", false}};
  EXPECT_EQ(shown("/v1/groups"), Json({{"groups", {expected}}}));
}

TEST_F(ViewRoutesTest, ShowsListeners) {
  const Json listener = shown("/v1/listeners").at("listeners").at(0);
  EXPECT_EQ(listener.at("name"), "main");
  EXPECT_EQ(listener.at("role"), "clients");
  EXPECT_EQ(listener.at("address"), "127.0.0.1:5060");
  EXPECT_EQ(listener.at("transports"), Json({"udp"}));
  EXPECT_EQ(listener.at("advertised"), Json({"127.0.0.1:5060"}));
  EXPECT_EQ(listener.at("kernel_drops"), 0);
}

TEST_F(ViewRoutesTest, ShowsWorkers) {
  one_.serve_one();
  const Json worker = shown("/v1/workers").at("workers").at(0);
  EXPECT_EQ(worker.at("worker"), 0);
  EXPECT_EQ(worker.at("lanes"), Json({0, 1}));
  EXPECT_EQ(worker.at("messages").at("received"), 1);
  EXPECT_EQ(worker.at("messages").at("answered"), 1);
  EXPECT_EQ(worker.at("held_slots"), Json({{"used", 0}, {"total", 4}}));
  EXPECT_GT(worker.at("tick_seconds").at("p99").get<double>(), 0);
}

TEST_F(ViewRoutesTest, ShowsTrafficToCompareWithLaterTraffic) {
  one_.serve_one();
  const Json traffic = shown("/v1/traffic");
  EXPECT_GE(traffic.at("up_seconds").get<double>(), 5);
  EXPECT_EQ(traffic.at("messages").at("received"), 1);
  EXPECT_EQ(traffic.at("ticks").back().at("at_most_seconds"), nullptr);
  EXPECT_GT(traffic.at("ticks").back().at("count"), 0);
  EXPECT_EQ(
      traffic.at("servers").at(0),
      Json({{"group", "pbx"}, {"name", "s1"}, {"requests", 0}, {"responses", {0, 0, 0, 0, 0, 0}}}));
}

TEST_F(ViewRoutesTest, ShowsConnectionsAndTheirSources) {
  connect("192.0.2.1:40000", 1);
  connect("192.0.2.1:40001", 2);
  const Json view = shown("/v1/connections");
  EXPECT_EQ(view.at("per_source_max"), 2);
  EXPECT_EQ(view.at("by_transport"),
            Json::array({{{"transport", "tcp"}, {"accepted", 2}, {"opened", 0}}}));
  EXPECT_EQ(view.at("by_listener"), Json::array());  // none of them has streams
  EXPECT_EQ(view.at("by_worker"), Json::array({{{"worker", 0}, {"accepted", 2}, {"opened", 0}}}));
  EXPECT_EQ(view.at("busiest"), Json::array({{{"source", "192.0.2.1"}, {"connections", 2}}}));
}

TEST_F(ViewRoutesTest, ShowsWhoIsRefused) {
  EXPECT_EQ(shown("/v1/bans").at("bans"), Json::array());
  connect("192.0.2.1:40000", 1);
  connect("192.0.2.1:40001", 2);
  EXPECT_EQ(shown("/v1/bans").at("bans"), Json::array({{{"source", "192.0.2.1"},
                                                        {"reason", "connections_per_source"},
                                                        {"count", 2},
                                                        {"limit", 2}}}));
}

TEST_F(ViewRoutesTest, ShowsTheBudget) {
  const Json memory = shown("/v1/memory");
  EXPECT_EQ(memory.at("limit_bytes"), budget_.ceiling());
  EXPECT_EQ(memory.at("sum_bytes"), budget_.sum());
  EXPECT_EQ(memory.at("consumers").size(), budget_.consumers().size());
  EXPECT_GT(memory.at("resident_bytes"), 0);
}

TEST_F(ViewRoutesTest, ShowsEventsAsTheyWereWritten) {
  const uint64_t before = shown("/v1/events").at("next");
  EXPECT_EQ(shown("/v1/events?last=0").at("events"), Json::array());
  pool_.log.write(observe::LogLevel::Warning, "first", {{"number", "1"}});
  pool_.log.write(observe::LogLevel::Info, "second", {});
  EXPECT_EQ(shown("/v1/events?last=1").at("events").at(0).at("event"), "second");
  const Json since = shown("/v1/events?since=" + std::to_string(before));
  ASSERT_EQ(since.at("events").size(), 2u);
  EXPECT_EQ(since.at("events").at(0).at("number"), "1");
  EXPECT_EQ(since.at("next"), before + 2);
}

TEST_F(ViewRoutesTest, TakesNumbersForEventsOnly) {
  for (const char* resource : {"/v1/events?since=x", "/v1/events?since=-1", "/v1/events?last=1x"}) {
    EXPECT_EQ(routes().get(resource).status, 400) << resource;
  }
}

TEST_F(ViewRoutesTest, ShowsMetricsAsText) {
  const AdminAnswer answer = routes().get("/v1/metrics");
  EXPECT_EQ(answer.body, "metrics of the test\n");
  EXPECT_THAT(answer.type, HasSubstr("text/plain"));
}

TEST_F(ViewRoutesTest, SaysThatSiplbdIsEnding) {
  pool_.control->stop();
  for (const char* resource : {"/v1/groups", "/v1/listeners", "/v1/connections", "/v1/traffic"}) {
    EXPECT_EQ(routes().get(resource).status, 503) << resource;
  }
}

}  // namespace
}  // namespace siplb::app
