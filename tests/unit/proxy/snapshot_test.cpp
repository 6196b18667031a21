#include "proxy/snapshot.h"

#include "lane_fixture.h"

namespace siplb::proxy {
namespace {

TEST(SnapshotTest, SendsToAServerFromTheListenerThatItsGroupNames) {
  auto input = two_groups();
  input.groups[kVoicemail].listener = kPublic;
  const Snapshot snapshot = test::make_snapshot(input);
  EXPECT_EQ(snapshot.server_sides, (std::vector{kInside, kInside, kPublic, kPublic}));
}

TEST(SnapshotTest, ElseFromAListenerOnTheWayToThatServer) {
  auto input = two_groups();
  input.host.is_on_way = [](const SockAddress& local, const SockAddress& remote) {
    const bool is_pbx = Network::parse("10.0.2.0/24")->contains(remote);
    return local.same_ip(is_pbx ? address_of("10.0.0.1:0") : address_of("10.0.1.1:0"));
  };
  EXPECT_EQ(test::make_snapshot(input).server_sides,
            (std::vector{kPublic, kPublic, kInside, kInside}));
}

TEST(SnapshotTest, ReachesAServerOfBothTransportsFromAListenerThatHasBoth) {
  auto input = two_groups();
  input.groups[kPbx].servers[0].takes_tcp = true;
  input.listeners[kPublic].transports = {sip::Transport::Udp, sip::Transport::Tcp};
  EXPECT_EQ(test::make_snapshot(input).server_sides,
            (std::vector{kPublic, kInside, kInside, kInside}));
}

TEST(SnapshotTest, ReachesAServerFromTheAddressOfAWildcardThatItKnows) {
  auto input = two_groups();
  input.listeners[kInside].address = address_of("0.0.0.0:5062");
  input.listeners[kInside].advertise = {{.to = {}, .as = "10.0.1.1:5062"}};
  input.host.is_on_host = [](const SockAddress&) { return true; };
  const SockAddress server = address_of("10.0.2.1:5060");
  const transport::Flow flow{
      .remote = server, .local = address_of("10.0.1.1:0"), .listener = kInside};
  const Snapshot snapshot = test::make_snapshot(input);
  EXPECT_EQ(snapshot.flow_to(0, {server}), flow);
  EXPECT_EQ(snapshot.flow_to(balance::kNoServer, {server}), flow);
}

TEST(SnapshotTest, ReachesAllPlacesOfAServerAsTheServerItself) {
  auto input = two_groups();
  input.groups[kPbx].listener = kPublic;
  const Snapshot snapshot = test::make_snapshot(input);
  const SockAddress place = address_of("10.0.2.1:5090");
  EXPECT_EQ(snapshot.flow_to(0, {place}), (transport::Flow{.remote = place, .listener = kPublic}));
  // Of one that has left the configuration nothing is known but its address.
  EXPECT_EQ(snapshot.flow_to(balance::kNoServer, {place}),
            (transport::Flow{.remote = place, .listener = kInside}));
}

TEST(SnapshotTest, ReachesAPlaceOfAnotherFamilyByAListenerThatHasIt) {
  auto input = two_groups();
  const SockAddress six = address_of("[2001:db8::9]:5060");
  EXPECT_FALSE(test::make_snapshot(input).flow_to(0, {six}).has_value());
  input.listeners.push_back({.name = "six",
                             .address = address_of("[2001:db8::1]:5060"),
                             .role = transport::ListenerRole::Servers});
  const Snapshot snapshot = test::make_snapshot(input);
  EXPECT_EQ(snapshot.flow_to(0, {six}), (transport::Flow{.remote = six, .listener = 2}));
  EXPECT_EQ(side_for(snapshot.client_side, {six}), 2);
  EXPECT_EQ(side_for(snapshot.client_side, {address_of("10.0.0.9:5060")}), kPublic);
}

TEST(SnapshotTest, ReachesAServerByAListenerThatHasItsTransport) {
  auto input = two_groups();
  const ServerPlace place{address_of("10.0.2.1:5060"), sip::Transport::Tcp};
  EXPECT_FALSE(test::make_snapshot(input).flow_to(0, place).has_value());
  input.listeners[kPublic].transports = {sip::Transport::Tcp};
  input.groups[kPbx].servers[0].transport = sip::Transport::Tcp;
  const Snapshot snapshot = test::make_snapshot(input);
  const transport::Flow flow{
      .remote = place.address, .listener = kPublic, .transport = sip::Transport::Tcp};
  EXPECT_EQ(snapshot.server_sides[0], kPublic);
  EXPECT_EQ(snapshot.flow_to(0, place), flow);
  // The side of the other servers has no TCP: as for one that is gone.
  EXPECT_EQ(snapshot.flow_to(1, place), flow);
  EXPECT_EQ(snapshot.flow_to(balance::kNoServer, place), flow);
  EXPECT_EQ(snapshot.flow_to(0, {place.address})->listener, kInside);
}

TEST(SnapshotTest, ARateIsForTheRoutesThatHaveOne) {
  auto input = two_groups();
  input.routes[1].rate = 1;
  const Snapshot snapshot = test::make_snapshot(input);
  ASSERT_EQ(snapshot.routing->rates.size(), input.routes.size());
  EXPECT_EQ(snapshot.routing->rates[0], nullptr);
  ASSERT_NE(snapshot.routing->rates[1], nullptr);
  const Instant now{std::chrono::hours(1)};
  EXPECT_TRUE(snapshot.routing->rates[1]->admit(now));
  EXPECT_FALSE(snapshot.routing->rates[1]->admit(now));
}

TEST(SnapshotTest, WhatARouteWasGrantedStaysGrantedIfItKeepsNameAndRate) {
  std::vector<RouteOptions> routes = {
      {.name = "a", .rate = 1}, {.name = "b", .rate = 1}, {.name = "c"}};
  const Routing before(routes, 1);
  routes = {{.name = "new", .rate = 1}, {.name = "a", .rate = 1}, {.name = "b", .rate = 2}};
  const Routing after(routes, 1, &before);
  EXPECT_EQ(after.rates[1], before.rates[0]);
  EXPECT_NE(after.rates[0], before.rates[0]);
  EXPECT_NE(after.rates[2], before.rates[1]);
}

TEST(SnapshotTest, EachWorkerHasPatternsOfItsOwn) {
  const Routing routing(two_groups().routes, 3);
  ASSERT_EQ(routing.tables.size(), 3u);
  EXPECT_NE(routing.tables[0], routing.tables[1]);
}

TEST(SnapshotTest, TheLaneOfACallDependsOnTheKeyAndTheCallIdOnly) {
  HashKey key;
  key.octets.fill(7);
  const uint8_t lane = lane_of(key, "call-1", 64);
  EXPECT_LT(lane, 64);
  EXPECT_EQ(lane_of(key, "call-1", 64), lane);
  bool differs = false;
  for (int call = 0; call < 16; ++call) {
    differs |= lane_of(key, "call-" + std::to_string(call), 64) != lane;
    EXPECT_EQ(lane_of(key, "call-" + std::to_string(call), 1), 0);
  }
  EXPECT_TRUE(differs);
}

}  // namespace
}  // namespace siplb::proxy
