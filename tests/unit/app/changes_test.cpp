#include "app/changes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace siplb::app {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

config::Configuration base() {
  config::Configuration configuration;
  configuration.listeners = {{.name = "public", .address = SockAddress::v4(0x7f000001, 5060)},
                             {.name = "inside", .address = SockAddress::v4(0x7f000001, 5070)}};
  configuration.groups = {
      {.name = "pbx",
       .servers = {{.name = "s1", .address = SockAddress::v4(0x7f000001, 5080)},
                   {.name = "s2", .address = SockAddress::v4(0x7f000001, 5081)}}},
      {}};
  configuration.routes = {{.name = "all"}};
  return configuration;
}

TEST(ChangesTest, ThereAreNoneWhereNothingDiffers) {
  EXPECT_THAT(changes(base(), base()), IsEmpty());
}

TEST(ChangesTest, NamesServersByWhatBecameOfThem) {
  config::Configuration next = base();
  next.groups[0].servers[0].weight = 7;
  next.groups[0].servers[1].name = "s3";
  next.groups[0].servers.push_back({.name = "s4"});
  EXPECT_THAT(changes(base(), next),
              ElementsAre("servers added: pbx/s3, pbx/s4", "servers removed: pbx/s2",
                          "servers changed: pbx/s1"));
}

TEST(ChangesTest, AGroupHasChangedOnlyWhereItselfDiffers) {
  config::Configuration next = base();
  next.groups[0].policy = balance::Policy::Random;
  next.groups[1] = {.name = "voicemail", .servers = {{.name = "v1"}}};
  EXPECT_THAT(changes(base(), next), ElementsAre("groups added: voicemail", "groups changed: pbx",
                                                 "servers added: voicemail/v1"));
  EXPECT_THAT(changes(next, base()), ElementsAre("groups removed: voicemail", "groups changed: pbx",
                                                 "servers removed: voicemail/v1"));
}

TEST(ChangesTest, AListenerThatHasLeftIsRemoved) {
  config::Configuration next = base();
  next.listeners[0].transports.clear();
  next.listeners[1].stun = true;
  EXPECT_THAT(changes(base(), next),
              ElementsAre("listeners removed: public", "listeners changed: inside"));
}

TEST(ChangesTest, AListenerThatHasMovedIsChanged) {
  config::Configuration next = base();
  next.listeners[0].transports.clear();
  next.listeners.push_back({.name = "public", .address = SockAddress::v4(0x7f000001, 5061)});
  EXPECT_THAT(changes(base(), next), ElementsAre("listeners changed: public"));
}

TEST(ChangesTest, SaysWhichOtherPartsDiffer) {
  config::Configuration next = base();
  next.routes.push_back({.name = "more"});
  next.global.names = {"sip.example.com"};
  next.limits.headers = 64;
  EXPECT_THAT(changes(base(), next),
              ElementsAre("routes changed", "global changed", "limits changed"));
}

}  // namespace
}  // namespace siplb::app
