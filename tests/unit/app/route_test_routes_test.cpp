#include "app/route_test_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "controlled_pool.h"
#include "support/sip_builder.h"

namespace siplb::app {
namespace {

using test::SipBuilder;
using testing::HasSubstr;
using Json = nlohmann::json;
using Query = std::map<std::string, std::string>;

// The pool's one listener, main, has UDP only, and there are no routes.
class RouteTestRoutesTest : public testing::Test {
 protected:
  void SetUp() override {
    pool_.start();
    routes_ = route_test_routes(*pool_.control);
    ASSERT_EQ(routes_.size(), 1u);
  }
  AdminAnswer ask(Query query, const std::string& message = SipBuilder::request().str()) {
    return routes_.front().answer({.parts = {}, .query = std::move(query), .body = message});
  }

  test::ControlledPool pool_;
  AdminRoutes routes_;
};

TEST_F(RouteTestRoutesTest, IsAskedAtTheReadSocketToo) {
  EXPECT_EQ(routes_.front().method, AdminRoute::Method::Post);
  EXPECT_EQ(routes_.front().access, AdminRoute::Access::Read);
}

TEST_F(RouteTestRoutesTest, TellsInJsonWhatTheLaneSays) {
  const AdminAnswer answer = ask({});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(Json::parse(answer.body), Json::parse(R"({
    "received": {"message": "INVITE sip:bob@example.com", "listener": "main", "role": "clients",
                 "transport": "udp", "source": "192.0.2.1:5060", "fault": null},
    "sender": "client", "removed_headers": [], "in_dialog": false, "guide": null,
    "draining": false, "routes": [], "route": null, "choice": null,
    "decision": "answered", "reason": "404",
    "sent": [{"message": "404 Not Found", "remote": "192.0.2.1:5060", "transport": "udp",
              "listener": "main", "server": null, "record_route": false, "path": false}]})"));
}

TEST_F(RouteTestRoutesTest, TellsWhatCanNotBeRead) {
  const Json body = Json::parse(ask({}, "hello\xff").body);
  EXPECT_EQ(body["received"]["fault"], "not_sip");
  EXPECT_EQ(body["received"]["message"], nullptr);
  EXPECT_EQ(body["sender"], nullptr);
  EXPECT_EQ(body["decision"], "dropped");
}

TEST_F(RouteTestRoutesTest, TakesTheSourceWithOrWithoutAPort) {
  EXPECT_EQ(Json::parse(ask({{"source", "198.51.100.7"}}).body)["received"]["source"],
            "198.51.100.7:5060");
  EXPECT_EQ(Json::parse(ask({{"source", "198.51.100.7:9"}}).body)["received"]["source"],
            "198.51.100.7:9");
}

TEST_F(RouteTestRoutesTest, RefusesWhatCanNotHaveCome) {
  struct Case {
    Query query;
    const char* text;
  };
  const Case cases[] = {
      {{{"transport", "sctp"}}, "transport is udp or tcp"},
      {{{"transport", "tcp"}}, "no listener has that transport"},
      {{{"transport", "tcp"}, {"listener", "main"}}, "listener main has no tcp"},
      {{{"listener", "other"}}, "no listener other"},
      {{{"source", "example.com"}}, "source is an address"},
      {{{"source", "2001:db8::1"}}, "addresses of the other family"},
      {{{"local", "127.0.0.1:5060"}}, "local is an address without a port"},
  };
  for (const Case& each : cases) {
    const AdminAnswer answer = ask(each.query);
    EXPECT_EQ(answer.status, 400) << each.text;
    EXPECT_THAT(answer.body, HasSubstr(each.text));
  }
}

TEST_F(RouteTestRoutesTest, IsRefusedWhenSiplbdEnds) {
  pool_.control->stop();
  EXPECT_EQ(ask({}).status, 503);
}

}  // namespace
}  // namespace siplb::app
