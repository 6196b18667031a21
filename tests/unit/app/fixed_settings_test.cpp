#include "app/fixed_settings.h"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace siplb::app {
namespace {

using namespace std::chrono_literals;
using config::Configuration;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Configuration settings() {
  Configuration configuration;
  configuration.listeners = {{.name = "public"}};
  configuration.groups = {{.name = "pbx"}};
  return configuration;
}

Sizing sizing(bool has_streams = false) {
  Sizing out;
  out.has_streams = has_streams;
  out.streams.timers.queued = 1s;
  return out;
}

TEST(FixedSettingsTest, NothingHasChangedInTheSameConfiguration) {
  EXPECT_THAT(fixed_settings_changed(settings(), settings(), sizing()), IsEmpty());
}

TEST(FixedSettingsTest, WhatMayChangeIsNotNamed) {
  Configuration next = settings();
  next.global.names = {"sip.example.com"};
  next.global.token_life = std::chrono::days(7);
  next.global.log.level = config::LogLevel::Debug;
  next.limits.headers = 64;
  next.groups[0].policy = balance::Policy::Random;
  next.routes.push_back({.name = "more"});
  next.listeners.push_back({.name = "more"});
  EXPECT_THAT(fixed_settings_changed(settings(), next, sizing()), IsEmpty());
}

TEST(FixedSettingsTest, NamesEachKeyThatHasChanged) {
  Configuration next = settings();
  next.global.lanes = 8;
  next.limits.call_expiry = 1h;
  next.timers.t1 = 100ms;
  next.admin.socket = "/run/other.sock";
  EXPECT_THAT(fixed_settings_changed(settings(), next, sizing()),
              ElementsAre("global.lanes", "limits.call_expiry", "timers.t1", "admin.socket"));
}

TEST(FixedSettingsTest, TheFirstTcpListenerNeedsWhatWasNotSetAside) {
  Configuration next = settings();
  next.listeners[0].transports = {sip::Transport::Tcp};
  EXPECT_THAT(fixed_settings_changed(settings(), next, sizing()),
              ElementsAre(HasSubstr("first listener with tcp")));
  EXPECT_THAT(fixed_settings_changed(settings(), next, sizing(true)), IsEmpty());
}

TEST(FixedSettingsTest, PatienceWithStreamsCannotGrow) {
  Configuration next = settings();
  next.groups[0].failover.first_response_timeout = 2s;
  EXPECT_THAT(fixed_settings_changed(settings(), next, sizing(true)),
              ElementsAre(HasSubstr("first_response_timeout")));
  EXPECT_THAT(fixed_settings_changed(settings(), next, sizing()), IsEmpty());
}

TEST(FixedSettingsTest, TheManualNamesThemAll) {
  std::ifstream file(SIPLB_SOURCE_DIR "/docs/man/siplbd.8");
  std::stringstream manual;
  manual << file.rdbuf();
  for (const std::string_view key : fixed_settings()) {
    EXPECT_THAT(manual.str(), HasSubstr(std::string(key))) << key;
  }
}

}  // namespace
}  // namespace siplb::app
