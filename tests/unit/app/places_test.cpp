#include "app/places.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace siplb::app {
namespace {

using namespace std::chrono_literals;
using balance::GroupOptions;
using balance::ServerOptions;
using config::Configuration;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Optional;

constexpr Duration kVacancy = 1h;
constexpr Instant kFirst{24h};

std::optional<std::vector<size_t>> assign(PlaceList& places, std::vector<std::string> names,
                                          Duration at = {}) {
  return places.assign(names, kVacancy, kFirst + at);
}

TEST(PlaceListTest, PutsTheFirstInTheirOrder) {
  PlaceList places(3);
  EXPECT_THAT(assign(places, {"c", "a", "b"}), Optional(ElementsAre(0, 1, 2)));
  EXPECT_EQ(places.count(), 3u);
}

TEST(PlaceListTest, WhoStaysKeepsHisPlaceWhateverTheOrder) {
  PlaceList places(8);
  ASSERT_TRUE(assign(places, {"a", "b", "c"}));
  EXPECT_THAT(assign(places, {"c", "d", "a"}), Optional(ElementsAre(2, 3, 0)));
}

TEST(PlaceListTest, WhoReturnsGetsHisPlaceBack) {
  PlaceList places(3);
  ASSERT_TRUE(assign(places, {"a", "b"}));
  ASSERT_TRUE(assign(places, {"b"}));
  EXPECT_THAT(assign(places, {"c", "b", "a"}), Optional(ElementsAre(2, 1, 0)));
}

TEST(PlaceListTest, PlacesThatNobodyHadAreTakenFirst) {
  PlaceList places(3);
  ASSERT_TRUE(assign(places, {"a", "b"}));
  ASSERT_TRUE(assign(places, {"b"}));
  EXPECT_THAT(assign(places, {"b", "c"}, 2 * kVacancy), Optional(ElementsAre(1, 2)));
}

TEST(PlaceListTest, FullListTakesNobodyUntilAPlaceIsVacantForLongEnough) {
  PlaceList places(2);
  ASSERT_TRUE(assign(places, {"a", "b"}));
  ASSERT_TRUE(assign(places, {"b"}, 1min));
  PlaceList trial = places;
  EXPECT_FALSE(assign(trial, {"b", "c"}, 1min + kVacancy - 1ns));
  EXPECT_THAT(assign(places, {"b", "c"}, 1min + kVacancy), Optional(ElementsAre(1, 0)));
}

TEST(PlaceListTest, TheOneVacantLongestIsTakenFirst) {
  PlaceList places(3);
  ASSERT_TRUE(assign(places, {"a", "b", "c"}));
  ASSERT_TRUE(assign(places, {"a", "c"}, 1min));
  ASSERT_TRUE(assign(places, {"c"}, 2min));
  EXPECT_THAT(assign(places, {"c", "d", "e"}, 2 * kVacancy), Optional(ElementsAre(2, 1, 0)));
}

TEST(PlaceListTest, WhoTakesAPlaceDoesNotTakeThatOfOneWhoReturnsWithHim) {
  PlaceList places(2);
  ASSERT_TRUE(assign(places, {"a", "b"}));
  ASSERT_TRUE(assign(places, {"b"}));
  EXPECT_FALSE(assign(places, {"new", "a", "b"}, 2 * kVacancy));
}

TEST(PlaceListTest, WhoHasReturnedIsNotVacant) {
  PlaceList places(1);
  ASSERT_TRUE(assign(places, {"a"}));
  ASSERT_TRUE(assign(places, {}));
  ASSERT_TRUE(assign(places, {"a"}, 1min));
  ASSERT_TRUE(assign(places, {}, kVacancy));
  EXPECT_FALSE(assign(places, {"b"}, kVacancy + 1min));
}

transport::ListenerOptions listener(const std::string& name, uint16_t port) {
  return {.name = name, .address = SockAddress::v4(0x7f000001, port)};
}

GroupOptions group_of(const std::string& name, std::vector<std::string> servers) {
  GroupOptions options{.name = name};
  for (std::string& server : servers) {
    options.servers.push_back(
        {.name = std::move(server), .address = SockAddress::v4(0x7f000001, 5080)});
  }
  return options;
}

Configuration two_groups() {
  Configuration configuration;
  configuration.listeners = {listener("public", 5060), listener("inside", 5070)};
  configuration.groups = {group_of("pbx", {"s1", "s2"}), group_of("voicemail", {"v1"})};
  configuration.routes = {{.name = "all", .group = 0}};
  return configuration;
}

class PlacesTest : public testing::Test {
 protected:
  Arranged arrange(const Configuration& configuration, Duration at = {}) {
    auto arranged = places_.arrange(configuration, kFirst + at);
    EXPECT_TRUE(arranged.has_value());
    return arranged ? std::move(*arranged) : Arranged{};
  }
  Places places_{16};
};

TEST_F(PlacesTest, TheFirstConfigurationStandsAsItIsWritten) {
  const Arranged arranged = arrange(two_groups());
  EXPECT_EQ(arranged.configuration.listeners, two_groups().listeners);
  ASSERT_EQ(arranged.configuration.groups.size(), balance::kGroupsMax);
  EXPECT_EQ(arranged.configuration.groups[0], two_groups().groups[0]);
  EXPECT_EQ(arranged.configuration.groups[1], two_groups().groups[1]);
  EXPECT_EQ(arranged.configuration.groups[2], GroupOptions{});
  EXPECT_THAT(arranged.servers.of, ElementsAre(0, 1, 2));
  EXPECT_EQ(arranged.servers.count, 16u);
}

TEST_F(PlacesTest, ServersStandWhereTheyStoodThoughOthersCameAndWent) {
  arrange(two_groups());
  Configuration next = two_groups();
  next.groups = {group_of("voicemail", {"v0", "v1"}), group_of("pbx", {"s2", "s3"})};
  const Arranged arranged = arrange(next);
  EXPECT_EQ(arranged.configuration.groups[0].name, "pbx");
  EXPECT_EQ(arranged.configuration.groups[1].name, "voicemail");
  // In the order in which the groups list them: s2, s3, v0, v1.
  EXPECT_THAT(arranged.servers.of, ElementsAre(1, 3, 4, 2));
}

TEST_F(PlacesTest, AServerWithAnotherAddressKeepsItsPlace) {
  arrange(two_groups());
  Configuration next = two_groups();
  next.groups[0].servers[0].address = SockAddress::v4(0x7f000001, 5099);
  EXPECT_THAT(arrange(next).servers.of, ElementsAre(0, 1, 2));
}

TEST_F(PlacesTest, ServersOfTwoGroupsMayHaveOneName) {
  Configuration next = two_groups();
  next.groups[1] = group_of("voicemail", {"s1"});
  EXPECT_THAT(arrange(next).servers.of, ElementsAre(0, 1, 2));
}

TEST_F(PlacesTest, AHostNameHasAPlaceForEachOfItsAddresses) {
  Configuration next = two_groups();
  next.groups[0].servers[0].host = "pbx.example.com";
  const Arranged arranged = arrange(next);
  ASSERT_EQ(arranged.servers.of.size(), balance::kPlacesPerName + 2);
  EXPECT_EQ(arranged.servers.of.back(), balance::kPlacesPerName + 1);
}

TEST_F(PlacesTest, WhatARouteSaysOfGroupsAndListenersFollowsThem) {
  arrange(two_groups());
  Configuration next = two_groups();
  next.listeners = {listener("new", 5090), listener("inside", 5070)};
  next.groups = {group_of("new", {"n1"}), group_of("pbx", {"s1"})};
  next.groups[0].listener = 1;
  next.groups[1].listener = 0;
  next.routes = {{.name = "some", .listeners = 0b01, .from_group = 1, .group = 0},
                 {.name = "all", .group = 1}};
  const Arranged arranged = arrange(next);
  const auto& routes = arranged.configuration.routes;
  EXPECT_EQ(routes[0].listeners, 0b100);
  EXPECT_EQ(routes[0].from_group, 0);
  EXPECT_EQ(routes[0].group, 2);
  EXPECT_EQ(routes[1].listeners, UINT16_MAX);
  EXPECT_EQ(routes[1].group, 0);
  EXPECT_EQ(arranged.configuration.groups[2].listener, 1);
  EXPECT_EQ(arranged.configuration.groups[0].listener, 2);
}

TEST_F(PlacesTest, OfAListenerThatHasLeftRemainsWhatItWasCalled) {
  Configuration first = two_groups();
  first.listeners[0].advertise = {{.to = {}, .as = "sip.example.com"}};
  arrange(first);
  Configuration next = first;
  next.listeners.erase(next.listeners.begin());
  const auto listeners = arrange(next).configuration.listeners;
  ASSERT_EQ(listeners.size(), 2u);
  EXPECT_TRUE(listeners[0].has_left());
  EXPECT_EQ(listeners[0].name, "public");
  EXPECT_EQ(listeners[0].advertise, first.listeners[0].advertise);
  EXPECT_EQ(listeners[1], first.listeners[1]);
}

TEST_F(PlacesTest, AListenerAtAnotherAddressIsAnotherOne) {
  arrange(two_groups());
  Configuration next = two_groups();
  next.listeners[0] = listener("public", 5061);
  const auto listeners = arrange(next).configuration.listeners;
  ASSERT_EQ(listeners.size(), 3u);
  EXPECT_TRUE(listeners[0].has_left());
  EXPECT_EQ(listeners[2], next.listeners[0]);

  const auto again = arrange(two_groups()).configuration.listeners;
  EXPECT_EQ(again[0], two_groups().listeners[0]);
  EXPECT_TRUE(again[2].has_left());
}

TEST_F(PlacesTest, AListenerWithOtherTransportsIsTheSame) {
  arrange(two_groups());
  Configuration next = two_groups();
  next.listeners[0].transports = {sip::Transport::Tcp};
  EXPECT_EQ(arrange(next).configuration.listeners, next.listeners);
}

TEST_F(PlacesTest, SaysWhatHasNoPlace) {
  arrange(two_groups());
  Configuration next = two_groups();
  std::vector<std::string> names;
  for (int i = 0; i < 16; ++i) names.push_back("t" + std::to_string(i));
  next.groups[0] = group_of("pbx", names);
  const auto refused = places_.arrange(next, kFirst);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error(), HasSubstr("limits.servers"));
  EXPECT_THAT(refused.error(), HasSubstr("240 min"));
}

TEST_F(PlacesTest, SaysThatThereIsNoPlaceForMoreListeners) {
  Configuration next = two_groups();
  for (uint16_t port = 6000; next.listeners.size() < transport::kListenersMax; ++port) {
    next.listeners.push_back(listener("l" + std::to_string(port), port));
  }
  arrange(next);
  next.listeners[0] = listener("another", 7000);
  const auto refused = places_.arrange(next, kFirst);
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error(), HasSubstr("listeners"));
}

}  // namespace
}  // namespace siplb::app
