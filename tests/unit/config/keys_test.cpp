#include "config/keys.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"
#include "mistake.h"

namespace siplb::config {
namespace {

const std::filesystem::path kRoot = SIPLB_SOURCE_DIR;

std::string content(const std::filesystem::path& file) {
  std::ifstream stream(kRoot / file);
  EXPECT_TRUE(stream) << file;
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::string last_part(const std::string& path) {
  return path.substr(path.rfind('.') + 1);
}

// Looks for `text` behind `at`, and moves `at` there.
void expect_next(const std::string& document, const std::string& text, const std::string& path,
                 size_t& at) {
  const size_t found = document.find(text, at);
  ASSERT_NE(found, std::string::npos) << path << ": '" << text << "' is missing, or out of order";
  at = found;
}

TEST(KeyReferenceTest, NamesKeysByTheirWholePath) {
  std::vector<std::string> paths;
  for (const KeyReference& key : key_reference()) paths.push_back(key.path);
  EXPECT_THAT(paths, testing::IsSupersetOf({"global.log.level", "listeners[].advertise",
                                            "groups[].servers[].weight", "routes[].match.methods",
                                            "routes[].reject.code", "metrics.address", "admin"}));
}

TEST(KeyReferenceTest, TellsKeysOfLaterWorkApart) {
  for (const KeyReference& key : key_reference()) {
    EXPECT_EQ(key.supported, !key.takes.empty()) << key.path;
  }
}

TEST(ReferenceFileTest, StatesEverySupportedKeyWithWhatItTakesAndItsDefault) {
  const std::string file = content("config/siplb.yaml");
  size_t at = 0;
  for (const KeyReference& key : key_reference()) {
    if (!key.supported) continue;
    if (key.path.find('.') != std::string::npos) {  // the top ones have no bounds to state
      ASSERT_NO_FATAL_FAILURE(expect_next(file, "# " + key.takes, key.path, at));
      if (key.standard == kRequired) {
        ASSERT_NO_FATAL_FAILURE(expect_next(file, "; required\n", key.path, at));
      } else if (!key.standard.empty()) {
        ASSERT_NO_FATAL_FAILURE(expect_next(file, key.standard + "\n", key.path, at));
      }
    }
    ASSERT_NO_FATAL_FAILURE(expect_next(file, last_part(key.path) + ":", key.path, at));
  }
}

TEST(ReferenceFileTest, LoadsAsShipped) {
  const LoadResult result = load_file(kRoot / "config/siplb.yaml");
  for (const Fault& fault : result.faults) ADD_FAILURE() << to_text(fault);
  EXPECT_TRUE(result.warnings.empty());
}

TEST(ReferenceFileTest, StatesTheDefaultsThatAreInForce) {
  const Configuration stated = load_file(kRoot / "config/siplb.yaml").configuration;
  const Configuration standard;
  EXPECT_EQ(stated.global, standard.global);
  EXPECT_EQ(stated.limits, standard.limits);
  EXPECT_EQ(stated.metrics, standard.metrics);
  EXPECT_EQ(stated.admin, standard.admin);
  const balance::GroupOptions standard_group;
  EXPECT_EQ(stated.groups.at(0).policy, standard_group.policy);
  const balance::FailoverOptions& failover = stated.groups[0].failover;
  const balance::FailoverOptions standard_failover;
  EXPECT_EQ(failover.first_response_timeout, standard_failover.first_response_timeout);
  EXPECT_EQ(failover.max_attempts, standard_failover.max_attempts);
  EXPECT_EQ(failover.codes, standard_failover.codes);
  EXPECT_EQ(failover.budget_percent, standard_failover.budget_percent);
  EXPECT_EQ(failover.late_2xx, standard_failover.late_2xx);
  EXPECT_EQ(stated.groups[0].health, standard_group.health);
  EXPECT_EQ(stated.groups[0].slow_start, standard_group.slow_start);
  EXPECT_EQ(stated.groups[0].panic_below, standard_group.panic_below);
  EXPECT_EQ(stated.groups[0].servers.at(0).max_calls, balance::ServerOptions().max_calls);
  EXPECT_EQ(stated.groups[0].servers[0].max_inflight, balance::ServerOptions().max_inflight);
  EXPECT_EQ(stated.groups[0].servers.at(0).weight, stated.groups[0].servers.at(1).weight);
  EXPECT_EQ(stated.groups[0].servers[0].priority, stated.groups[0].servers[1].priority);
  EXPECT_EQ(stated.timers.t1, standard.timers.t1);
  EXPECT_EQ(stated.timers.t2, standard.timers.t2);
  EXPECT_EQ(stated.timers.t4, standard.timers.t4);
  EXPECT_EQ(stated.timers.invite, standard.timers.invite);
  EXPECT_EQ(stated.timers.non_invite, standard.timers.non_invite);
  EXPECT_EQ(stated.timers.ringing, standard.timers.ringing);
  EXPECT_EQ(stated.stream_timers.connect, standard.stream_timers.connect);
  EXPECT_EQ(stated.stream_timers.first_octet, standard.stream_timers.first_octet);
  EXPECT_EQ(stated.stream_timers.message, standard.stream_timers.message);
  EXPECT_EQ(stated.stream_timers.idle, standard.stream_timers.idle);
  EXPECT_EQ(stated.stream_timers.stalled, standard.stream_timers.stalled);
}

TEST(NameserversTest, AreOneToThreeAddresses) {
  const auto with = [](const std::string& list) {
    return with_both("global: {nameservers: " + list + "}");
  };
  const Mistake mistakes[] = {
      {"three", with("[10.0.0.1, 10.0.0.2, 10.0.0.3]"), ""},
      {"four", with("[10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4]"),
       "1:23: 'nameservers' takes a list of 1 to 3 addresses with or without port, not a list of "
       "4"},
      {"none", with("[]"),
       "1:23: 'nameservers' takes a list of 1 to 3 addresses with or without port, not a list of "
       "0"},
      {"name", with("[ns.example.com]"),
       "1:24: an address of one host was expected here, not 'ns.example.com'"},
      {"same by another spelling", with("[10.0.0.1, '10.0.0.1:53']"),
       "1:34: '10.0.0.1:53' is repeated"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(DemoFileTest, LoadsAsShipped) {
  const LoadResult result = load_file(kRoot / "config/demo.yaml");
  for (const Fault& fault : result.faults) ADD_FAILURE() << to_text(fault);
  ASSERT_EQ(result.configuration.groups.size(), 1U);
  EXPECT_EQ(result.configuration.groups[0].servers.size(), 4U);
}

TEST(ManualPageTest, DescribesEverySupportedKey) {
  const std::string page = content("docs/man/siplb.yaml.5");
  size_t at = 0;
  for (const KeyReference& key : key_reference()) {
    if (!key.supported) continue;
    ASSERT_NO_FATAL_FAILURE(expect_next(page, "\n.It Cm " + last_part(key.path), key.path, at));
    if (key.path.find('.') == std::string::npos) continue;
    ASSERT_NO_FATAL_FAILURE(expect_next(page, key.takes, key.path, at));
    if (key.standard != kRequired) {
      ASSERT_NO_FATAL_FAILURE(expect_next(page, key.standard, key.path, at));
    }
  }
}

}  // namespace
}  // namespace siplb::config
