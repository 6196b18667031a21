#include "app/admin_api.h"

#include <set>

#include <gtest/gtest.h>

#include "admin_fixture.h"

namespace siplb::app {
namespace {

using AdminApiTest = test::AdminFixture;

TEST_F(AdminApiTest, AnswersAllVerbsThatOnlyLook) {
  const test::AskedRoutes routes(admin_routes(parts()));
  for (const char* resource : {"/v1/servers", "/v1/servers/pbx/s1", "/v1/groups", "/v1/status",
                               "/v1/key", "/v1/drain", "/v1/events", "/v1/metrics"}) {
    EXPECT_EQ(routes.get(resource).status, 200) << resource;
  }
}

TEST_F(AdminApiTest, LetsNobodyChangeAnythingByAGet) {
  for (const AdminRoute& route : admin_routes(parts())) {
    if (route.method == AdminRoute::Method::Get) {
      EXPECT_EQ(route.access, AdminRoute::Access::Read) << route.path;
    }
  }
}

TEST_F(AdminApiTest, HasEachRouteOnce) {
  std::set<std::pair<AdminRoute::Method, std::string>> seen;
  for (const AdminRoute& route : admin_routes(parts())) {
    EXPECT_TRUE(seen.emplace(route.method, route.path).second) << route.path;
  }
}

}  // namespace
}  // namespace siplb::app
