#include "proxy/route_match.h"

#include <vector>

#include <gtest/gtest.h>

namespace siplb::proxy {
namespace {

uint32_t bit(sip::Method method) {
  return 1U << static_cast<unsigned>(method);
}

std::string_view chosen(const std::vector<RouteOptions>& routes, const RouteQuery& query) {
  const RouteOptions* route = select_route(routes, query);
  return route == nullptr ? "none" : std::string_view(route->name);
}

TEST(RouteMatchTest, NoRoutesTakeNothing) {
  EXPECT_EQ(chosen({}, {}), "none");
}

TEST(RouteMatchTest, TheFirstThatHoldsWins) {
  const std::vector<RouteOptions> routes = {
      {.name = "calls", .methods = bit(sip::Method::Invite)}, {.name = "a"}, {.name = "b"}};
  EXPECT_EQ(chosen(routes, {.method = sip::Method::Invite}), "calls");
  EXPECT_EQ(chosen(routes, {.method = sip::Method::Message}), "a");
  EXPECT_EQ(chosen(routes, {.method = sip::Method::Other}), "a");
}

TEST(RouteMatchTest, EveryConditionMustHold) {
  const std::vector<RouteOptions> routes = {
      {.name = "narrow",
       .methods = bit(sip::Method::Register),
       .listeners = 1U << 3,
       .transports = 1U << static_cast<unsigned>(sip::Transport::Udp)}};
  RouteQuery query{.method = sip::Method::Register};
  query.source.listener = 3;
  EXPECT_EQ(chosen(routes, query), "narrow");
  query.source.transport = sip::Transport::Tcp;
  EXPECT_EQ(chosen(routes, query), "none");
  query.source.transport = sip::Transport::Udp;
  query.source.listener = 2;
  EXPECT_EQ(chosen(routes, query), "none");
}

TEST(RouteMatchTest, ServersMeetOnlyRoutesThatNameTheirGroup) {
  const std::vector<RouteOptions> routes = {{.name = "default"},
                                            {.name = "out", .from_group = balance::GroupIndex{2}}};
  EXPECT_EQ(chosen(routes, {.sender_groups = 0}), "default");
  EXPECT_EQ(chosen(routes, {.sender_groups = 1U << 2}), "out");
  EXPECT_EQ(chosen(routes, {.sender_groups = 1U << 1 | 1U << 2}), "out");
  EXPECT_EQ(chosen(routes, {.sender_groups = 1U << 1}), "none");
}

}  // namespace
}  // namespace siplb::proxy
