#include "balance/topology.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "sip/seal.h"

#if defined(__SANITIZE_ADDRESS__)
// Of sanitizer/allocator_interface.h, which gcc's packages leave out.
extern "C" size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace siplb::balance {
namespace {

SockAddress at(const char* text) {
  return *SockAddress::parse(text);
}

Network net(const char* text) {
  return *Network::parse(text);
}

ServerOptions server(std::string name, const char* address, uint32_t weight = 100) {
  return {.name = std::move(name), .address = at(address), .weight = weight};
}

GroupOptions group(std::string name, Policy policy, std::vector<ServerOptions> servers) {
  GroupOptions options;
  options.name = std::move(name);
  options.policy = policy;
  options.servers = std::move(servers);
  return options;
}

std::vector<GroupOptions> two_groups() {
  return {group("pbx", Policy::Maglev,
                {server("pbx-1", "10.0.0.1:5060"), server("pbx-2", "10.0.0.2:5060", 0),
                 server("pbx-3", "[2001:db8::3]:5060", 300)}),
          group("registrar", Policy::RoundRobin,
                {server("reg-1", "10.0.0.1:5062"), server("reg-2", "10.0.0.2:5060")})};
}

// The servers of tiered().
constexpr ServerIndex kSpare1 = 0;
constexpr ServerIndex kMain1 = 1;
constexpr ServerIndex kMain2 = 2;
constexpr ServerIndex kMain3 = 3;
constexpr ServerIndex kSpare2 = 4;
constexpr ServerIndex kIdle1 = 5;

// Two tiers out of order and a third one that takes no new work.
GroupOptions tiered(Policy policy) {
  GroupOptions options =
      group("edge", policy,
            {server("spare-1", "10.0.1.1:5060", 100), server("main-1", "10.0.0.1:5060", 100),
             server("main-2", "10.0.0.2:5060", 200), server("main-3", "10.0.0.3:5060", 0),
             server("spare-2", "10.0.1.2:5060", 300), server("idle-1", "10.0.2.1:5060", 0)});
  for (const ServerIndex spare : {kSpare1, kSpare2}) options.servers[spare].priority = 7;
  for (const ServerIndex main : {kMain1, kMain2, kMain3}) options.servers[main].priority = 3;
  return options;
}

GroupOptions weighted(Policy policy, const std::vector<uint32_t>& weights) {
  std::vector<ServerOptions> servers;
  for (uint32_t s = 0; s < weights.size(); ++s) {
    servers.push_back({.name = "s" + std::to_string(s),
                       .address = SockAddress::v4(0x0a000001 + s, 5060),
                       .weight = weights[s]});
  }
  return group("edge", policy, servers);
}

constexpr size_t kKeys = 100'000;

const std::vector<uint64_t>& key_hashes() {
  static const std::vector<uint64_t> hashes = [] {
    std::vector<uint64_t> made;
    for (size_t key = 0; key < kKeys; ++key) {
      made.push_back(hash_octets("call-" + std::to_string(key) + "@198.51.100.7"));
    }
    return made;
  }();
  return hashes;
}

// Expects that the chosen ones have their shares of the weights; prints what they have.
void expect_shares(const std::vector<size_t>& chosen, const std::vector<uint32_t>& weights,
                   double tolerance) {
  const double keys = std::accumulate(chosen.begin(), chosen.end(), 0.0);
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (size_t i = 0; i < weights.size(); ++i) {
    const double due = keys * weights[i] / sum;
    const double error = due > 0 ? static_cast<double>(chosen[i]) / due - 1 : 0;
    std::printf("weight %4u: %6zu keys, %+.2f %%\n", weights[i], chosen[i], 100 * error);
    EXPECT_NEAR(static_cast<double>(chosen[i]), due, tolerance * due) << "server " << i;
  }
}

// As many as are allowed, in as many groups, with names too long to stand inside a string.
std::vector<GroupOptions> largest() {
  std::vector<GroupOptions> groups;
  for (uint32_t g = 0; g < kGroupsMax; ++g) {
    std::vector<ServerOptions> servers;
    for (uint32_t s = 0; s < kServersMax / kGroupsMax; ++s) {
      servers.push_back({.name = "a-server-with-a-long-name-" + std::to_string(s),
                         .address = SockAddress::v4(0x0a000000 | g << 8 | s, 5060)});
    }
    const Policy policy = g % 8 == 0 ? Policy::Maglev : Policy::RoundRobin;
    groups.push_back(group("a-group-with-a-long-name-" + std::to_string(g), policy, servers));
    groups.back().hash_key = {HashKeyKind::HeaderValue, "X-A-Header-With-A-Long-Name"};
    groups.back().targets.assign(kTargetsMax, net("10.9.0.0/16"));
    groups.back().health.down = {500, 501};
    groups.back().servers.back().health.down = {502};
    groups.back().servers.front().sources.assign(kSourcesMax / kGroupsMax, net("10.8.0.0/16"));
  }
  return groups;
}

TEST(TopologyTest, KeepsTheOrderOfTheConfiguration) {
  const Topology topology(two_groups());
  ASSERT_EQ(topology.groups().size(), 2u);
  EXPECT_EQ(topology.groups()[0].options.name, "pbx");
  EXPECT_EQ(topology.groups()[1].options.name, "registrar");
  EXPECT_THAT(topology.groups()[1].servers, testing::ElementsAre(3, 4));

  ASSERT_EQ(topology.servers().size(), 5u);
  const Server& third = topology.servers()[2];
  EXPECT_EQ(third.name, "pbx-3");
  EXPECT_EQ(third.id, sip::server_id("pbx", "pbx-3"));
  EXPECT_EQ(third.address, at("[2001:db8::3]:5060"));
  EXPECT_EQ(third.weight, 300u);
  EXPECT_EQ(third.group, 0);
  EXPECT_EQ(topology.servers()[3].name, "reg-1");
  EXPECT_EQ(topology.servers()[3].group, 1);
}

TEST(TopologyTest, PutsServersWhereTheirPlacesAre) {
  const Topology in_order(two_groups());
  const Topology topology(two_groups(), {.of = {5, 0, 6, 2, 3}, .count = 8});
  EXPECT_THAT(topology.groups()[0].servers, testing::ElementsAre(5, 0, 6));
  EXPECT_THAT(topology.groups()[1].servers, testing::ElementsAre(2, 3));
  ASSERT_EQ(topology.servers().size(), 8u);
  EXPECT_EQ(topology.servers()[5].name, "pbx-1");
  EXPECT_EQ(topology.servers()[3].name, "reg-2");
  EXPECT_EQ(topology.servers()[3].group, 1);
  for (const Server& each : in_order.servers()) {
    const ServerIndex place = topology.find_by_id(each.id);
    ASSERT_NE(place, kNoServer);
    EXPECT_EQ(topology.servers()[place].name, each.name);
    // Two have one address: the first of the configuration is found.
    EXPECT_EQ(topology.servers()[topology.find_by_address(each.address)].name,
              in_order.servers()[in_order.find_by_address(each.address)].name);
  }
  for (const uint64_t hash : key_hashes()) {
    EXPECT_EQ(topology.servers()[topology.first_choice(0, hash)].name,
              in_order.servers()[in_order.first_choice(0, hash)].name);
  }
}

TEST(TopologyTest, NobodyIsFoundAtAHollowPlace) {
  const Topology topology(two_groups(), {.of = {5, 0, 6, 2, 3}, .count = 8});
  for (const ServerIndex hollow : std::to_array<ServerIndex>({1, 4, 7})) {
    const Server& server = topology.servers()[hollow];
    EXPECT_TRUE(server.name.empty());
    EXPECT_TRUE(server.is_empty());
    EXPECT_EQ(server.weight, 0u);
  }
  EXPECT_EQ(topology.find_by_id(0), kNoServer);
  EXPECT_EQ(topology.find_by_address({}), kNoServer);
}

TEST(TopologyTest, HollowGroupsHaveNoServers) {
  std::vector<GroupOptions> groups = two_groups();
  groups.insert(groups.begin() + 1, GroupOptions{});
  const Topology topology(groups);
  EXPECT_TRUE(topology.groups()[1].servers.empty());
  EXPECT_TRUE(topology.tiers_of(1).empty());
  EXPECT_EQ(topology.servers()[3].group, 2);
}

TEST(TopologyTest, FindsEveryServerByIdAndAddress) {
  const Topology topology(largest());
  ASSERT_EQ(topology.servers().size(), kServersMax);
  for (ServerIndex index = 0; index < kServersMax; ++index) {
    const Server& wanted = topology.servers()[index];
    ASSERT_EQ(topology.find_by_id(wanted.id), index);
    ASSERT_EQ(topology.find_by_address(wanted.address), index);
    const Topology::Origin origin = topology.find_origin(wanted.address);
    ASSERT_EQ(origin.server, index);
    ASSERT_EQ(origin.groups, uint64_t{1} << wanted.group);
  }
}

TEST(TopologyTest, FindsNothingThatIsNotConfigured) {
  const Topology topology(two_groups());
  EXPECT_EQ(topology.find_by_id(sip::server_id("pbx", "pbx-4")), kNoServer);
  EXPECT_EQ(topology.find_by_id(0xffffffff), kNoServer);
  for (const SockAddress& stranger :
       {at("10.0.0.1:5061"), at("10.0.0.3:5060"), at("[2001:db8::3]:5061"),
        at("10.0.0.1:5060").with_port(0), SockAddress()}) {
    EXPECT_EQ(topology.find_by_address(stranger), kNoServer) << stranger.text().view();
    EXPECT_EQ(topology.find_origin(stranger).server, kNoServer) << stranger.text().view();
    EXPECT_EQ(topology.find_origin(stranger).groups, 0u) << stranger.text().view();
  }
}

TEST(TopologyTest, ServesNobodyWhenEmpty) {
  const Topology topology(std::span<const GroupOptions>{});
  EXPECT_TRUE(topology.groups().empty());
  EXPECT_TRUE(topology.servers().empty());
  EXPECT_EQ(topology.find_by_id(1), kNoServer);
  EXPECT_EQ(topology.find_by_address(at("10.0.0.1:5060")), kNoServer);
  EXPECT_EQ(topology.find_origin(at("10.0.0.1:5060")).server, kNoServer);
  EXPECT_FALSE(topology.find_group_of_target(at("10.0.0.1:5060")).has_value());
}

TEST(TopologyTest, AddressInTwoGroupsIsTheFirstServersAndBelongsToBoth) {
  std::vector<GroupOptions> groups = two_groups();
  groups[1].servers.push_back(server("reg-3", "10.0.0.1:5060"));
  const Topology topology(groups);
  EXPECT_EQ(topology.find_by_address(at("10.0.0.1:5060")), 0);
  EXPECT_EQ(topology.find_origin(at("10.0.0.1:5060")).groups, 0b11u);
  EXPECT_EQ(topology.find_origin(at("10.0.0.1:5062")).groups, 0b10u);
}

TEST(TopologyTest, APlaceIsTheServersOwnElseTheFirstAtThatAddress) {
  const Topology topology(two_groups());
  EXPECT_EQ(topology.find_by_place(at("10.0.0.1:5062")), 3);
  EXPECT_EQ(topology.find_by_place(at("10.0.0.1:9999")), 0);
  EXPECT_EQ(topology.find_by_place(at("10.0.0.9:5060")), kNoServer);
}

TEST(TopologyTest, TargetsAreTheGroupsAddressesOnAnyPort) {
  const Topology topology(two_groups());
  EXPECT_TRUE(topology.is_target(0, at("10.0.0.2:5060")));
  EXPECT_TRUE(topology.is_target(0, at("10.0.0.2:9")));
  EXPECT_TRUE(topology.is_target(0, at("[2001:db8::3]:5080")));
  EXPECT_TRUE(topology.is_target(1, at("10.0.0.1:5060")));
  EXPECT_FALSE(topology.is_target(1, at("[2001:db8::3]:5060")));
  EXPECT_FALSE(topology.is_target(0, at("10.0.0.3:5060")));
  EXPECT_FALSE(topology.is_target(0, SockAddress()));
}

TEST(TopologyTest, TargetsAreTheConfiguredNetworksToo) {
  std::vector<GroupOptions> groups = two_groups();
  groups[1].targets = {net("10.9.0.0/16"), net("2001:db8:9::/48")};
  const Topology topology(groups);
  EXPECT_TRUE(topology.is_target(1, at("10.9.255.1:9")));
  EXPECT_TRUE(topology.is_target(1, at("[2001:db8:9::1]:5060")));
  EXPECT_TRUE(topology.is_target(1, at("10.0.0.2:5060")));
  EXPECT_FALSE(topology.is_target(1, at("10.10.0.1:5060")));
  EXPECT_FALSE(topology.is_target(0, at("10.9.255.1:9")));
}

TEST(TopologyTest, ATargetIsOfTheFirstGroupThatHasIt) {
  std::vector<GroupOptions> groups = two_groups();
  groups[0].targets = {net("10.9.1.0/24")};
  groups[1].targets = {net("10.9.0.0/16")};
  const Topology topology(groups);
  EXPECT_EQ(topology.find_group_of_target(at("10.9.1.1:9")), 0);
  EXPECT_EQ(topology.find_group_of_target(at("10.9.2.1:9")), 1);
  EXPECT_EQ(topology.find_group_of_target(at("10.0.0.2:9")), 0);
  EXPECT_FALSE(topology.find_group_of_target(at("10.8.0.1:9")).has_value());
  EXPECT_FALSE(topology.find_group_of_target(SockAddress()).has_value());
}

TEST(TopologyTest, ASourceIsItsServerOnAnyPort) {
  std::vector<GroupOptions> groups = two_groups();
  groups[0].servers[2].sources = {net("10.1.0.0/16"), net("2001:db8:1::/48")};
  const Topology topology(groups);
  for (const char* source : {"10.1.2.3:1", "[2001:db8:1::1]:65535"}) {
    const Topology::Origin origin = topology.find_origin(at(source));
    EXPECT_EQ(origin.server, 2) << source;
    EXPECT_EQ(origin.groups, 0b1u) << source;
  }
  EXPECT_EQ(topology.find_origin(at("10.2.0.1:5060")).server, kNoServer);
}

TEST(TopologyTest, AnAddressIsTheServersThatHasItRatherThanOneWithASource) {
  std::vector<GroupOptions> groups = two_groups();
  groups[0].servers[0].sources = {net("10.0.0.0/24")};
  const Topology topology(groups);
  const Topology::Origin origin = topology.find_origin(at("10.0.0.1:5062"));
  EXPECT_EQ(origin.server, 3);
  EXPECT_EQ(origin.groups, 0b11u);  // as both: routes of either group may take it
}

TEST(TopologyTest, ASourceOfTwoServersIsTheFirstsAndBelongsToBothGroups) {
  std::vector<GroupOptions> groups = two_groups();
  groups[0].servers[1].sources = {net("10.1.0.1")};
  groups[1].servers[0].sources = {net("10.1.0.0/16")};
  const Topology topology(groups);
  EXPECT_EQ(topology.find_origin(at("10.1.0.1:9")).server, 1);
  EXPECT_EQ(topology.find_origin(at("10.1.0.1:9")).groups, 0b11u);
  EXPECT_EQ(topology.find_origin(at("10.1.0.2:9")).server, 3);
}

TEST(TopologyTest, FirstChoicesFollowTheWeightsInsideTheGroup) {
  std::vector<GroupOptions> groups = two_groups();
  std::swap(groups[0], groups[1]);
  const Topology topology(groups);
  std::vector<int> chosen(topology.servers().size());
  for (uint64_t key = 0; key < 10'000; ++key) {
    ++chosen[topology.first_choice(1, hash_octets(std::to_string(key)))];
  }
  EXPECT_EQ(chosen[0] + chosen[1], 0);
  EXPECT_NEAR(chosen[2], 2500, 150);
  EXPECT_EQ(chosen[3], 0);
  EXPECT_NEAR(chosen[4], 7500, 150);
}

TEST(TopologyTest, FirstChoicesDoNotDependOnTheOrderInTheFile) {
  std::vector<GroupOptions> groups = two_groups();
  const Topology topology(groups);
  std::swap(groups[0].servers[0], groups[0].servers[2]);
  const Topology reordered(groups);
  for (uint64_t key = 0; key < 10'000; ++key) {
    const uint64_t hash = hash_octets(std::to_string(key));
    ASSERT_EQ(topology.servers()[topology.first_choice(0, hash)].name,
              reordered.servers()[reordered.first_choice(0, hash)].name);
  }
}

TEST(TopologyTest, KeepsThePriorities) {
  const Topology topology(std::vector{tiered(Policy::Maglev)});
  EXPECT_EQ(topology.servers()[kSpare1].priority, 7);
  EXPECT_EQ(topology.servers()[kMain1].priority, 3);
  EXPECT_EQ(topology.servers()[kIdle1].priority, 0);
}

TEST(TopologyTest, FirstChoicesAreOfTheFirstTierThatTakesNewWork) {
  const Topology topology(std::vector{tiered(Policy::Maglev)});
  std::vector<size_t> chosen(topology.servers().size());
  for (const uint64_t hash : key_hashes()) ++chosen[topology.first_choice(0, hash)];
  expect_shares(chosen, {0, 100, 200, 0, 0, 0}, 0.02);
}

// Else one silent server would take its neighbour down with its load.
// A call that has failed over must find its way again, on this node or on another.
// Another release must choose alike: nodes are upgraded one by one.
constexpr size_t kPlaces = 8;

// The places of one name, of which the first ones have an address.
GroupOptions named(const std::vector<const char*>& addresses) {
  GroupOptions options = group("edge", Policy::Maglev, {});
  for (size_t place = 0; place < kPlaces; ++place) {
    ServerOptions at_place{.name = "pbx/" + std::to_string(place + 1)};
    at_place.host = "pbx.example.com";
    at_place.sources = {net("10.8.0.0/16")};
    if (place < addresses.size() && *addresses[place] != '\0') {
      at_place.address = at(addresses[place]);
    }
    options.servers.push_back(at_place);
  }
  return options;
}

TEST(TopologyTest, EmptyPlaceIsFoundByNothingAndTakesNothing) {
  const Topology topology(std::vector{named({"", "10.0.0.1:5060", "10.0.0.2:5060"})});
  ASSERT_EQ(topology.servers().size(), kPlaces);
  EXPECT_EQ(topology.servers()[0].name, "pbx/1");
  EXPECT_EQ(topology.servers()[0].weight, 0u);
  EXPECT_EQ(topology.servers()[1].weight, 100u);
  EXPECT_EQ(topology.find_by_id(topology.servers()[0].id), kNoServer);
  EXPECT_EQ(topology.find_by_address(SockAddress()), kNoServer);
  EXPECT_EQ(topology.find_by_place(SockAddress()), kNoServer);
  EXPECT_FALSE(topology.is_target(0, SockAddress()));
  EXPECT_EQ(topology.find_by_address(at("10.0.0.2:5060")), 2);
  EXPECT_EQ(topology.find_origin(at("10.8.0.1:5060")).server, 1);
  std::vector<size_t> chosen(kPlaces);
  for (const uint64_t hash : key_hashes()) ++chosen[topology.first_choice(0, hash)];
  expect_shares(chosen, {0, 100, 100, 0, 0, 0, 0, 0}, 0.02);
}

TEST(TopologyTest, IdOfAPlaceFollowsItsAddressAndKeysDoToo) {
  const Topology topology(std::vector{named({"10.0.0.1:5060", "[2001:db8::3]:5062"})});
  const Topology moved(std::vector{named({"10.0.0.9:5060", "", "[2001:db8::3]:5062"})});
  EXPECT_EQ(topology.servers()[1].id, sip::server_id("edge", "pbx@[2001:db8::3]:5062"));
  EXPECT_EQ(topology.find_by_id(topology.servers()[1].id), 1);
  EXPECT_EQ(moved.find_by_id(topology.servers()[1].id), 2);
  EXPECT_EQ(moved.find_by_id(topology.servers()[0].id), kNoServer);

  const Topology refilled(std::vector{named({"", "10.0.0.1:5060", "", "[2001:db8::3]:5062"})});
  for (const uint64_t hash : key_hashes()) {
    ASSERT_EQ(topology.servers()[topology.first_choice(0, hash)].address,
              refilled.servers()[refilled.first_choice(0, hash)].address);
  }
}

TEST(TopologyTest, GroupWithoutWeightHasNoTierAndNoChoice) {
  for (const GroupOptions& options : {weighted(Policy::Maglev, {0, 0}), named({})}) {
    const Topology topology(std::vector{options, weighted(Policy::Maglev, {1})});
    EXPECT_TRUE(topology.tiers_of(0).empty());
    EXPECT_EQ(topology.first_choice(0, 1), kNoServer);
    EXPECT_EQ(topology.first_choice(1, 1), options.servers.size());
  }
}

#if defined(__SANITIZE_ADDRESS__)
size_t octets_taken(const std::vector<GroupOptions>& groups) {
  const size_t before = __sanitizer_get_current_allocated_bytes();
  const Topology topology(groups);
  return __sanitizer_get_current_allocated_bytes() - before;
}

TEST(TopologyTest, MemoryIsWhatTheBudgetCounts) {
  std::vector<GroupOptions> with_tiers = {tiered(Policy::Maglev), tiered(Policy::Random)};
  for (GroupOptions& options : with_tiers) options.servers[kIdle1].weight = 1;
  for (const auto& groups : {two_groups(), with_tiers, largest()}) {
    EXPECT_EQ(Topology::memory_bytes(groups), octets_taken(groups));
  }
}

TEST(TopologyTest, MemoryOfHollowPlacesIsCounted) {
  const auto groups = two_groups();
  const ServerPlaces places{.of = {5, 0, 6, 2, 3}, .count = 100};
  const size_t before = __sanitizer_get_current_allocated_bytes();
  const Topology topology(groups, places);
  EXPECT_EQ(Topology::memory_bytes(groups, 100),
            __sanitizer_get_current_allocated_bytes() - before);
}

TEST(TopologyTest, MemoryOfWhatWeightsAndNamesMayBringIsCountedBeforehand) {
  const std::vector<GroupOptions> now = {tiered(Policy::Maglev), named({})};
  std::vector<GroupOptions> later = {tiered(Policy::Maglev), named({"10.0.0.1:5060"})};
  later[0].servers[kIdle1].weight = 1;
  EXPECT_LT(octets_taken(now), octets_taken(later));
  EXPECT_EQ(Topology::memory_bytes(now), octets_taken(later));
}
#endif

}  // namespace
}  // namespace siplb::balance
