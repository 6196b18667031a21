#include "app/generation.h"

#include <gtest/gtest.h>

namespace siplb::app {
namespace {

TEST(GenerationTest, MakesSnapshotsWithTodaysWeightsAtTheirPlaces) {
  config::Configuration configuration;
  configuration.listeners = {{.name = "edge", .address = SockAddress::v4(0x7f000001, 0)}};
  configuration.groups = {
      {.name = "pbx", .servers = {{.name = "s1", .address = SockAddress::v4(0x7f000001, 5080)}}}};
  configuration.routes = {{.name = "all"}};
  configuration.global.token_life = std::chrono::days(7);
  configuration.limits.headers = 17;
  Places places(5);
  auto arranged = places.arrange(configuration, Instant{});
  ASSERT_TRUE(arranged.has_value());
  const auto generation = std::make_shared<const Generation>(
      Generation{.arranged = *arranged,
                 .hash = "abc",
                 .bound = {SockAddress::v4(0x7f000001, 5060)},
                 .steered = 1,
                 .routing = std::make_shared<const proxy::Routing>(configuration.routes, 2)});
  const NodeIdentity node{.key = {}, .table_key = {}, .instance = 42};

  auto groups = generation->configuration().groups;
  groups[0].servers[0].weight = 7;
  const auto snapshot = snapshot_maker(generation, node)(groups);
  ASSERT_EQ(snapshot->topology.servers().size(), 5u);
  EXPECT_EQ(snapshot->topology.servers()[0].weight, 7u);
  EXPECT_EQ(snapshot->topology.groups().size(), balance::kGroupsMax);
  EXPECT_EQ(snapshot->sides[0].bound, generation->bound[0]);
  EXPECT_EQ(snapshot->routing, generation->routing);
  EXPECT_EQ(snapshot->routing->tables.size(), 2u);
  EXPECT_EQ(snapshot->seal.instance(), 42u);
  EXPECT_EQ(snapshot->scan_limits.headers_max, 17u);
  EXPECT_EQ(snapshot->config_hash, "abc");
  EXPECT_EQ(snapshot->steered, 1u);
}

}  // namespace
}  // namespace siplb::app
