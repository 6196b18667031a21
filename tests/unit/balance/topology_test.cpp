#include "balance/topology.h"

#include <memory>
#include <string>
#include <vector>

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
  }
  return groups;
}

TEST(TopologyTest, KeepsTheOrderOfTheConfiguration) {
  const Topology topology(two_groups());
  ASSERT_EQ(topology.groups().size(), 2u);
  EXPECT_EQ(topology.groups()[0].options.name, "pbx");
  EXPECT_EQ(topology.groups()[1].options.name, "registrar");
  EXPECT_EQ(topology.groups()[1].first_server, 3);
  EXPECT_EQ(topology.groups()[1].server_count, 2);

  ASSERT_EQ(topology.servers().size(), 5u);
  const Server& third = topology.servers()[2];
  EXPECT_EQ(third.name, "pbx-3");
  EXPECT_EQ(third.id, sip::server_id("pbx", "pbx-3"));
  EXPECT_EQ(third.address, at("[2001:db8::3]:5060"));
  EXPECT_EQ(third.weight, 300u);
  EXPECT_EQ(third.group, 0);
  ASSERT_EQ(topology.servers_of(1).size(), 2u);
  EXPECT_EQ(topology.servers_of(1)[0].name, "reg-1");
  EXPECT_EQ(topology.servers_of(1)[0].group, 1);
}

TEST(TopologyTest, FindsEveryServerByIdAndAddress) {
  const Topology topology(largest());
  ASSERT_EQ(topology.servers().size(), kServersMax);
  for (ServerIndex index = 0; index < kServersMax; ++index) {
    const Server& wanted = topology.servers()[index];
    ASSERT_EQ(topology.find_by_id(wanted.id), index);
    ASSERT_EQ(topology.find_by_address(wanted.address), index);
    ASSERT_EQ(topology.groups_of(wanted.address), uint64_t{1} << wanted.group);
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
    EXPECT_EQ(topology.groups_of(stranger), 0u) << stranger.text().view();
  }
}

TEST(TopologyTest, ServesNobodyWhenEmpty) {
  const Topology topology(std::span<const GroupOptions>{});
  EXPECT_TRUE(topology.groups().empty());
  EXPECT_TRUE(topology.servers().empty());
  EXPECT_EQ(topology.find_by_id(1), kNoServer);
  EXPECT_EQ(topology.find_by_address(at("10.0.0.1:5060")), kNoServer);
}

TEST(TopologyTest, AddressInTwoGroupsIsTheFirstServersAndBelongsToBoth) {
  std::vector<GroupOptions> groups = two_groups();
  groups[1].servers.push_back(server("reg-3", "10.0.0.1:5060"));
  const Topology topology(groups);
  EXPECT_EQ(topology.find_by_address(at("10.0.0.1:5060")), 0);
  EXPECT_EQ(topology.groups_of(at("10.0.0.1:5060")), 0b11u);
  EXPECT_EQ(topology.groups_of(at("10.0.0.1:5062")), 0b10u);
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

#if defined(__SANITIZE_ADDRESS__)
TEST(TopologyTest, MemoryIsWhatTheBudgetCounts) {
  for (const std::vector<GroupOptions>& groups : {two_groups(), largest()}) {
    const size_t before = __sanitizer_get_current_allocated_bytes();
    const Topology topology(groups);
    const size_t taken = __sanitizer_get_current_allocated_bytes() - before;
    EXPECT_EQ(Topology::memory_bytes(groups), taken);
  }
}
#endif

}  // namespace
}  // namespace siplb::balance
