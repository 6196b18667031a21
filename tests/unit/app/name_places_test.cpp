#include "app/name_places.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace siplb::app {
namespace {

using balance::GroupOptions;
using balance::kPlacesPerName;
using balance::ServerOptions;
using Change = NamePlaces::Change;

// The address number i; they sort as they are numbered.
SockAddress at(size_t i) {
  return SockAddress::v4(0x0A000000 + static_cast<uint32_t>(i), 5060);
}

std::vector<NamedAddress> found(std::vector<size_t> numbers) {
  std::vector<NamedAddress> list;
  for (const size_t i : numbers) list.push_back({.address = at(i)});
  return list;
}

ServerOptions named(std::string name, std::string host) {
  return {.name = std::move(name), .host = std::move(host)};
}

ServerOptions literal(std::string name) {
  return {.name = std::move(name), .address = at(99)};
}

GroupOptions group(std::string name, std::vector<ServerOptions> servers) {
  return {.name = std::move(name), .servers = std::move(servers)};
}

TEST(PlaceNameTest, NumbersThePlacesOfAHostFromOne) {
  EXPECT_EQ(place_name(named("pbx1", "pbx.test"), 0), "pbx1/1");
  EXPECT_EQ(place_name(named("pbx1", "pbx.test"), kPlacesPerName - 1), "pbx1/8");
  EXPECT_EQ(place_name(literal("pbx1"), 0), "pbx1");
}

// The places of the first of two names.
class NamePlacesTest : public testing::Test {
 protected:
  NamePlacesTest() { places_.set_groups(groups_); }

  Change update(std::vector<size_t> numbers) { return places_.update(0, found(numbers)); }

  // The numbers of the addresses by place; 0 where there is none, without those at the end.
  std::vector<size_t> numbers() {
    std::vector<size_t> found;
    for (const NamedAddress& place : places_.places(0)) {
      size_t i = 0;
      while (i != 100 && at(i) != place.address) ++i;
      found.push_back(i % 100);
    }
    while (!found.empty() && found.back() == 0) found.pop_back();
    return found;
  }

  std::vector<GroupOptions> groups_{
      group("a", {literal("fixed"), named("pbx", "pbx.example")}),
      group("b", {named("pbx", "other.example")}),
  };
  NamePlaces places_;
};

using Numbers = std::vector<size_t>;

TEST_F(NamePlacesTest, AreEmptyAtFirst) {
  EXPECT_EQ(numbers(), Numbers{});
}

TEST_F(NamePlacesTest, TakeNoNoticeOfTheOrderOfAnswers) {
  EXPECT_EQ(update({3, 1, 2}), Change::Moved);
  EXPECT_EQ(numbers(), (Numbers{1, 2, 3}));
  EXPECT_EQ(update({2, 3, 1}), Change::None);
  EXPECT_EQ(numbers(), (Numbers{1, 2, 3}));
}

TEST_F(NamePlacesTest, KeepAnAddressWhereItIsWhileTheNameLeadsToIt) {
  ASSERT_EQ(update({1, 2}), Change::Moved);
  EXPECT_EQ(update({2}), Change::Moved);
  EXPECT_EQ(numbers(), (Numbers{0, 2}));
  EXPECT_EQ(update({1, 2}), Change::Moved);
  EXPECT_EQ(numbers(), (Numbers{1, 2}));
}

TEST_F(NamePlacesTest, GiveAFreedPlaceToTheNextThatComes) {
  ASSERT_EQ(update({1, 2, 3}), Change::Moved);
  EXPECT_EQ(update({9, 1, 3}), Change::Moved);
  EXPECT_EQ(numbers(), (Numbers{1, 9, 3}));
}

TEST_F(NamePlacesTest, AreNeverEmptiedAgain) {
  ASSERT_EQ(update({1, 2}), Change::Moved);
  EXPECT_EQ(update({}), Change::None);
  EXPECT_EQ(numbers(), (Numbers{1, 2}));
}

TEST_F(NamePlacesTest, TakeAnAddressOnce) {
  EXPECT_EQ(update({1, 1, 2, 1}), Change::Moved);
  EXPECT_EQ(numbers(), (Numbers{1, 2}));
  EXPECT_EQ(places_.ignored(), 0u);
}

TEST_F(NamePlacesTest, TellTwoPortsOfAnAddressApart) {
  const std::vector<NamedAddress> both{{.address = at(1)}, {.address = at(1).with_port(5070)}};
  EXPECT_EQ(places_.update(0, both), Change::Moved);
  EXPECT_EQ(places_.places(0)[1].address, at(1).with_port(5070));
}

TEST_F(NamePlacesTest, IgnoreTheSameAddressesEachTimeWhenFull) {
  ASSERT_EQ(update({1, 2, 3, 4, 5, 6, 7, 8}), Change::Moved);
  EXPECT_EQ(places_.ignored(), 0u);
  EXPECT_EQ(update({10, 9, 8, 7, 6, 5, 4, 3, 2, 1}), Change::None);
  EXPECT_EQ(places_.ignored(), 2u);
  EXPECT_EQ(update({10, 9, 8, 7, 5, 4, 3, 2, 1}), Change::Moved);
  EXPECT_EQ(numbers(), (Numbers{1, 2, 3, 4, 5, 9, 7, 8}));
  EXPECT_EQ(places_.ignored(), 1u);
}

TEST_F(NamePlacesTest, PreferTheFirstRankAndTheGreatestShare) {
  std::vector<NamedAddress> list = found({1, 2, 3});
  list[0].rank = 1;
  list[1].share = 10;
  list.push_back({.address = at(1), .rank = 0, .share = 5});
  ASSERT_EQ(places_.update(0, list), Change::Moved);
  EXPECT_EQ(numbers(), (Numbers{3, 2, 1}));
  EXPECT_EQ(places_.places(0)[2], (NamedAddress{at(1), 0, 5}));
}

TEST_F(NamePlacesTest, SayWhenOnlyAShareChanges) {
  std::vector<NamedAddress> list = found({1});
  ASSERT_EQ(places_.update(0, list), Change::Moved);
  list[0].share = 500;
  EXPECT_EQ(places_.update(0, list), Change::Moved);
  EXPECT_EQ(places_.places(0)[0], list[0]);
}

TEST_F(NamePlacesTest, NumberNamesAsTheyStandInTheGroups) {
  groups_[1].servers[0].has_port = true;
  groups_[1].servers[0].port = 5070;
  groups_[1].servers[0].transport = sip::Transport::Tcp;
  places_.set_groups(groups_);
  EXPECT_EQ(places_.names(),
            (std::vector<HostName>{
                {.host = "pbx.example", .port = {}},
                {.host = "other.example", .port = 5070, .transport = sip::Transport::Tcp}}));
}

TEST_F(NamePlacesTest, StayWithAServerThatStays) {
  ASSERT_EQ(update({1, 2}), Change::Moved);
  ASSERT_EQ(update({2}), Change::Moved);
  std::swap(groups_[0], groups_[1]);
  places_.set_groups(groups_);
  EXPECT_EQ(numbers(), Numbers{});
  EXPECT_EQ(places_.places(1)[1].address, at(2));
  groups_[1].servers[1].host = "moved.example";
  places_.set_groups(groups_);
  EXPECT_EQ(places_.places(1)[1].address.family(), SockAddress::Family::None);
}

TEST_F(NamePlacesTest, ExpandToServersInTheOrderOfTheGroups) {
  ASSERT_EQ(update({1, 2}), Change::Moved);
  ASSERT_EQ(places_.update(1, found({3})), Change::Moved);
  const auto expanded = places_.expand(groups_);
  ASSERT_EQ(expanded.size(), 2u);
  ASSERT_EQ(expanded[0].servers.size(), 1 + kPlacesPerName);
  EXPECT_EQ(expanded[0].servers[0].name, "fixed");
  EXPECT_EQ(expanded[0].servers[1].name, "pbx/1");
  EXPECT_EQ(expanded[0].servers[1].address, at(1));
  EXPECT_EQ(expanded[0].servers[2].address, at(2));
  EXPECT_EQ(expanded[0].servers[8].name, "pbx/8");
  EXPECT_EQ(expanded[0].servers[8].address.family(), SockAddress::Family::None);
  ASSERT_EQ(expanded[1].servers.size(), kPlacesPerName);
  EXPECT_EQ(expanded[1].servers[0].address, at(3));
}

TEST_F(NamePlacesTest, ExpandToTheWholeWeightAndLimitsForEachAddress) {
  ServerOptions& server = groups_[0].servers[1];
  server.weight = 40;
  server.max_calls = 7;
  ASSERT_EQ(update({1, 2}), Change::Moved);
  const auto servers = places_.expand(groups_)[0].servers;
  EXPECT_EQ(servers[1].weight, 40u);
  EXPECT_EQ(servers[2].weight, 40u);
  EXPECT_EQ(servers[2].max_calls, 7u);
}

TEST_F(NamePlacesTest, ExpandToSharesAndTiersOfSrvRecords) {
  const struct {
    const char* description;
    uint32_t weight;
    uint8_t priority;
    uint8_t rank;
    uint16_t share;
    uint32_t expected_weight;
    uint8_t expected_priority;
  } cases[] = {
      {"a quarter", 100, 0, 0, kFullShare / 4, 25, 0},
      {"least that there is", 1, 0, 0, 1, 1, 0},
      {"drained", 0, 0, 0, kFullShare, 0, 0},
      {"a second tier", 1000, 3, 1, kFullShare, 1000, 4},
      {"beyond the last tier", 100, 255, 2, kFullShare, 100, 255},
  };
  for (const auto& each : cases) {
    groups_[0].servers[1].weight = each.weight;
    groups_[0].servers[1].priority = each.priority;
    const NamedAddress address{.address = at(1), .rank = each.rank, .share = each.share};
    static_cast<void>(places_.update(0, {&address, 1}));
    const ServerOptions server = places_.expand(groups_)[0].servers[1];
    EXPECT_EQ(server.weight, each.expected_weight) << each.description;
    EXPECT_EQ(server.priority, each.expected_priority) << each.description;
  }
}

TEST_F(NamePlacesTest, ExpandToOnePlaceWithTheSources) {
  groups_[0].servers[1].sources = {*Network::parse("10.0.0.50")};
  const auto servers = places_.expand(groups_)[0].servers;
  EXPECT_EQ(servers[1].sources.size(), 1u);
  EXPECT_EQ(servers[2].sources.size(), 0u);
}

}  // namespace
}  // namespace siplb::app
