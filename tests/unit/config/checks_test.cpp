#include "config/checks.h"

#include <map>

#include "mistake.h"
#include "sip/seal.h"

namespace siplb::config {
namespace {

TEST(ChecksTest, ReportsMistakesAmongListeners) {
  const Mistake mistakes[] = {
      {"name used twice", with_groups(R"(listeners:
  - {name: a, address: "10.0.0.5:5060"}
  - {name: a, address: "10.0.0.5:5061"})"),
       "3:12: name 'a' is taken"},
      {"address used twice", with_groups(R"(listeners:
  - {name: a, address: "10.0.0.5:5060"}
  - {name: b, address: "10.0.0.5:5060"})"),
       "3:24: listener 'a' has this address"},
      {"link-local address", with_groups(R"(listeners:
  - {name: a, address: "[fe80::1]:5060"}
  - {name: b, address: "[febf::1]:5060"})"),
       "2:24: IPv6 link-local addresses are not supported: no scope id can be given\n"
       "3:24: IPv6 link-local addresses are not supported: no scope id can be given\n"
       "4:31: no listener can reach these servers: none is IPv4"},
      {"fewer lanes than workers", with_both("global: {workers: 8, lanes: 4}"),
       "1:29: 'lanes' is less than 'workers': some workers would have none"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(ChecksTest, TakesTwoListenersWithAnyPort) {
  EXPECT_EQ(faults_of(with_groups(R"(listeners:
  - {name: a, address: "10.0.0.5:0"}
  - {name: b, address: "10.0.0.5:0"})")),
            "");
}

TEST(ChecksTest, RefusesListenersWhoseHashesCollide) {
  std::map<uint16_t, std::string> names;
  std::string first;
  std::string second;
  for (size_t i = 0; second.empty(); ++i) {  // 65,537 names at most
    const std::string name = "l" + std::to_string(i);
    const auto [entry, is_new] = names.try_emplace(sip::listener_hash(name), name);
    if (is_new) continue;
    first = entry->second;
    second = name;
  }
  EXPECT_EQ(faults_of(with_groups("listeners:\n- {name: " + first +
                                  ", address: \"10.0.0.5:1\"}\n- {name: " + second +
                                  ", address: \"10.0.0.5:2\"}")),
            "3:10: '" + second + "' has the same hash as '" + first +
                "': call one of them something else");
}

TEST(ChecksTest, ReportsTimersAtOdds) {
  const Mistake mistakes[] = {
      {"T2 below T1", with_both("timers: {t1: 500ms, t2: 499ms}"),
       "1:25: 't2' is 499ms, less than t1, 500ms"},
      {"T2 at T1", with_both("timers: {t1: 600ms, t2: 600ms}"), ""},
      {"T2 by default below T1", with_both("timers: {t1: 4001ms}"),
       "1:9: 't2' is 4s, less than t1, 4001ms"},
      {"INVITE that is never repeated", with_both("timers: {invite: 999ms}"),
       "1:18: 'invite' is 999ms, less than twice t1, 1s"},
      {"INVITE repeated once", with_both("timers: {invite: 1s}"), ""},
      {"other request that is never repeated", with_both("timers: {t1: 1s, non_invite: 1999ms}"),
       "1:30: 'non_invite' is 1999ms, less than twice t1, 2s"},
      {"other request repeated once", with_both("timers: {t1: 1s, non_invite: 2s}"), ""},
      {"all at once", with_both("timers: {t1: 5s, t2: 4s, invite: 8s, non_invite: 9s}"),
       "1:22: 't2' is 4s, less than t1, 5s\n"
       "1:34: 'invite' is 8s, less than twice t1, 10s\n"
       "1:50: 'non_invite' is 9s, less than twice t1, 10s"},
      {"T4 above both", with_both("timers: {t4: 11s, invite: 9s, non_invite: 10s}"),
       "1:14: 't4' is 11s, longer than 'invite' and 'non_invite': what has ended is forgotten "
       "earlier"},
      {"T4 at the longer one", with_both("timers: {t4: 10s, invite: 9s, non_invite: 10s}"), ""},
      {"T4 at the longer one", with_both("timers: {t4: 10s, invite: 10s, non_invite: 9s}"), ""},
      {"T4 by default above both", with_both("timers: {invite: 2s, non_invite: 2s}"), ""},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(ChecksTest, TimersThatAreRefusedAreAtOddsWithNone) {
  const Mistake mistakes[] = {
      {"T1", with_both("timers: {t1: 1, t2: 100ms, invite: 200ms}"),
       "1:14: 't1' takes a duration from 50ms to 5s, not '1'"},
      {"T2", with_both("timers: {t1: 5s, t2: 2m}"),
       "1:22: 't2' takes a duration from 50ms to 1m, not '2m'"},
      {"T4", with_both("timers: {t4: 2m, invite: 3s, non_invite: 3s}"),
       "1:14: 't4' takes a duration from 1s to 1m, not '2m'"},
      {"INVITE", with_both("timers: {t4: 1m, invite: 6m}"),
       "1:26: 'invite' takes a duration from 100ms to 5m, not '6m'"},
      {"other requests", with_both("timers: {t4: 1m, non_invite: 6m}"),
       "1:30: 'non_invite' takes a duration from 100ms to 5m, not '6m'"},
      {"no map", with_both("timers: 5s"), "1:9: 'timers' takes a map, not '5s'"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(ChecksTest, ReportsPatienceThatOutlastsTheRequest) {
  constexpr std::string_view kTwoServers =
      R"(servers: [{name: a, uri: "sip:10.0.0.1"}, {name: b, uri: "sip:10.0.0.2"}])";
  const auto file = [](std::string_view timers, std::string_view failover,
                       std::string_view servers) {
    return with_listeners("timers: {" + std::string(timers) +
                          "}\ngroups:\n- {name: g, failover: {" + std::string(failover) + "}, " +
                          std::string(servers) + "}");
  };
  const Mistake mistakes[] = {
      {"as long", file("invite: 3s", "first_response_timeout: 3s", kTwoServers),
       "3:48: 'first_response_timeout' is 3s, no less than timers.invite, 3s: no INVITE would fail "
       "over by silence"},
      {"shorter", file("invite: 3s", "first_response_timeout: 2999ms", kTwoServers), ""},
      {"as long as the default", file("", "first_response_timeout: 32s", kTwoServers),
       "3:48: 'first_response_timeout' is 32s, no less than timers.invite, 32s: no INVITE would "
       "fail over by silence"},
      {"longer by default", file("invite: 1s", "", kTwoServers),
       "3:23: 'first_response_timeout' is 1s, no less than timers.invite, 1s: no INVITE would fail "
       "over by silence"},
      {"one attempt",
       file("invite: 3s", "first_response_timeout: 3s, max_attempts: 1", kTwoServers), ""},
      {"one server",
       file("invite: 3s", "first_response_timeout: 3s",
            R"(servers: [{name: a, uri: "sip:10.0.0.1"}])"),
       ""},
      {"refused", file("invite: 1s", "first_response_timeout: 33s", kTwoServers),
       "3:48: 'first_response_timeout' takes a duration from 100ms to 32s, not '33s'"},
      {"refused timer", file("invite: 6m", "first_response_timeout: 32s", kTwoServers),
       "1:18: 'invite' takes a duration from 100ms to 5m, not '6m'"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
  EXPECT_EQ(faults_of(with_listeners("timers: {invite: 1s}\ngroups: [{name: g, " +
                                     std::string(kTwoServers) + "}]")),
            "2:10: 'first_response_timeout' is 1s, no less than timers.invite, 1s: no INVITE would "
            "fail over by silence");
}

TEST(ChecksTest, TakesATierWhoseServersAllHaveNoWeight) {
  EXPECT_EQ(faults_of(with_listeners(R"(groups: [{name: a, servers: [
  {name: x, uri: "sip:10.0.0.1", weight: 0}, {name: y, uri: "sip:10.0.0.2", priority: 1}]}])")),
            "");
}

TEST(ChecksTest, ReportsMistakesAmongGroups) {
  const Mistake mistakes[] = {
      {"group's name used twice", with_listeners(R"(groups:
  - {name: a, servers: [{name: x, uri: "sip:10.0.0.1"}]}
  - {name: a, servers: [{name: y, uri: "sip:10.0.0.2"}]}
routes: [{name: r, group: a}])"),
       "3:12: name 'a' is taken"},
      {"server's name used twice", with_listeners(R"(groups: [{name: a, servers: [
  {name: x, uri: "sip:10.0.0.1"},
  {name: x, uri: "sip:10.0.0.2"}]}])"),
       "3:10: name 'x' is taken"},
      {"server's address used twice", with_listeners(R"(groups: [{name: a, servers: [
  {name: x, uri: "sip:10.0.0.1"},
  {name: y, uri: "sip:10.0.0.1:5060"}]}])"),
       "3:18: server 'x' has this address"},
      {"server that is a listener", with_listeners(R"(groups: [{name: a, servers: [
  {name: x, uri: "sip:10.0.0.5"}]}])"),
       "2:18: this is the address of listener 'in'"},
      {"server that is advertised", with_groups(R"(listeners:
  - {name: out, address: "10.0.0.5:5060", advertise: "10.0.0.1"}
  - {name: in, address: "10.0.0.6:5060", role: servers, advertise: "10.0.0.1:5061"})"),
       "4:47: this is the advertised address of listener 'out'"},
      {"link-local server",
       R"(listeners: [{name: in, address: "[2001:db8::5]:5060", role: both}]
groups: [{name: a, servers: [{name: x, uri: "sip:[fe80::1]"}]}])",
       "2:45: IPv6 link-local addresses are not supported: no scope id can be given"},
      {"no weight", with_listeners(R"(groups: [{name: a, servers: [
  {name: x, uri: "sip:10.0.0.1", weight: 0}]}])"),
       "1:29: one of the servers needs a weight above 0"},
      {"no listener of IPv6", with_listeners(R"(groups: [{name: a, servers: [
  {name: y, uri: "sip:[2001:db8::1]"}]}])"),
       "1:29: no listener can reach these servers: none is IPv6"},
      {"no listener of IPv4", with_groups(R"(listeners: [{name: a, address: "[::1]:5060"}])"),
       "2:31: no listener can reach these servers: none is IPv4"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(ChecksTest, TakesOneServerInTwoGroups) {
  EXPECT_EQ(faults_of(with_listeners(R"(groups:
  - {name: a, servers: [{name: x, uri: "sip:10.0.0.1"}]}
  - {name: b, servers: [{name: x, uri: "sip:10.0.0.1"}]}
routes: [{name: r, group: a}])")),
            "");
}

TEST(ChecksTest, RefusesServersWhoseIdsCollideAcrossGroups) {
  std::map<uint32_t, std::pair<std::string, std::string>> names;
  std::pair<std::string, std::string> first;
  std::pair<std::string, std::string> second;
  for (size_t i = 0; second.first.empty(); ++i) {  // a birthday: some 77,000 names
    const std::pair<std::string, std::string> name{i % 2 == 0 ? "a" : "b", "s" + std::to_string(i)};
    const auto [entry, is_new] = names.try_emplace(sip::server_id(name.first, name.second), name);
    if (is_new) continue;
    first = entry->second;
    second = name;
  }
  const auto group = [](const auto& name) {
    return "- {name: " + name.first + ", servers: [{name: " + name.second +
           ", uri: \"sip:10.0.0.1\"}, {name: other, uri: \"sip:10.0.0.2\"}]}\n";
  };
  if (first.first == second.first) {
    FAIL() << "the first collision is within one group: choose other names";
  }
  EXPECT_EQ(faults_of("groups:\n" + group(first) + group(second) +
                      "routes: [{name: r, group: a}]\n" + std::string(kListeners)),
            "3:30: '" + second.first + "/" + second.second + "' has the same hash as '" +
                first.first + "/" + first.second + "': call one of them something else");
}

TEST(ChecksTest, RefusesMoreServersInAllThanTheBound) {
  const auto group = [](const std::string& name, size_t count) {
    std::string text = "- {name: " + name + ", servers: [";
    for (size_t i = 0; i < count; ++i) {
      text += "{name: s" + std::to_string(i) +
              ", uri: \"sip:10.0.0.1:" + std::to_string(10000 + i) + "\"},";
    }
    return text + "]}\n";
  };
  const std::string head = std::string(kListeners) + "\nroutes: [{name: r, group: a}]\ngroups:\n";
  EXPECT_EQ(faults_of(head + group("a", balance::kServersMax - 1) + group("b", 1)), "");
  EXPECT_EQ(faults_of(head + group("a", balance::kServersMax) + group("b", 1)),
            "5:22: more than 4096 servers in all groups together");
}

TEST(ChecksTest, ReportsMistakesAmongRoutes) {
  const Mistake mistakes[] = {
      {"no action", with_both("routes: [{name: r}]"),
       "1:10: a route needs one of 'group', 'drop', 'reject'"},
      {"two actions", with_both("routes: [{name: r, group: pbx, drop: true}]"),
       "1:32: a route has only one of 'group', 'drop', 'reject'"},
      {"name used twice",
       with_both("routes: [{name: r, match: {methods: [BYE]}, group: pbx}, {name: r, group: pbx}]"),
       "1:65: name 'r' is taken"},
      {"behind a catch-all",
       with_both(
           "routes: [{name: all, group: pbx},\n {name: r, match: {methods: [BYE]}, drop: true}]"),
       "2:2: this can never match: route 'all' before it takes all of its requests"},
      {"behind a wider one", with_both(R"(routes:
  - {name: two, match: {methods: [BYE, INFO]}, group: pbx}
  - {name: one, match: {methods: [INFO], listeners: [in]}, drop: true})"),
       "3:5: this can never match: route 'two' before it takes all of its requests"},
      {"from_group where no servers speak",
       with_groups("listeners: [{name: in, address: \"10.0.0.5:5060\", role: clients}]\n"
                   "routes: [{name: r, match: {from_group: pbx}, group: pbx}]"),
       "2:40: this can never match: no such listener has role 'servers' or 'both'"},
      {"from_group on the wrong listener", with_groups(R"(listeners:
  - {name: out, address: "10.0.0.5:5060"}
  - {name: in, address: "10.0.0.5:5061", role: servers}
routes: [{name: r, match: {from_group: pbx, listeners: [out]}, group: pbx}])"),
       "4:40: this can never match: no such listener has role 'servers' or 'both'"},
      {"several groups without routes", with_listeners(R"(groups:
  - {name: a, servers: [{name: x, uri: "sip:10.0.0.1"}]}
  - {name: b, servers: [{name: x, uri: "sip:10.0.0.1"}]})"),
       "2:3: with several groups 'routes' is required"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(ChecksTest, RoutesOfServersAreNotHiddenByThoseOfClients) {
  EXPECT_EQ(faults_of(with_both(R"(routes:
  - {name: clients, group: pbx}
  - {name: servers, match: {from_group: pbx}, group: pbx})")),
            "");
}

TEST(CompleteTest, OneListenerServesBothSidesAndSeveralServeClients) {
  const LoadResult one =
      load_text(with_groups(R"(listeners: [{name: a, address: "10.0.0.5:5060"}])"), "f", "/");
  EXPECT_EQ(one.configuration.listeners.at(0).role, transport::ListenerRole::Both);
  const LoadResult two = load_text(with_groups(R"(listeners:
  - {name: a, address: "10.0.0.5:5060"}
  - {name: b, address: "10.0.0.5:5061"})"),
                                   "f", "/");
  EXPECT_EQ(two.configuration.listeners.at(0).role, transport::ListenerRole::Clients);
  EXPECT_EQ(two.configuration.listeners.at(1).role, transport::ListenerRole::Clients);
}

TEST(WarnTest, TellsOfAPublicListenerThatServesBothSidesUnasked) {
  struct Row {
    std::string_view description;
    std::string_view address;
    std::string_view more;
    bool warns;
  };
  const Row rows[] = {
      {"public IPv4", "198.51.100.1:5060", "", true},
      {"chosen", "198.51.100.1:5060", ", role: both", false},
      {"loopback", "127.0.0.1:5060", "", false},
      {"10/8", "10.255.0.1:5060", "", false},
      {"172.16/12", "172.31.0.1:5060", "", false},
      {"behind 172.16/12", "172.32.0.1:5060", "", true},
      {"192.168/16", "192.168.0.1:5060", "", false},
      {"link-local", "169.254.0.1:5060", "", false},
      {"carrier's NAT", "100.127.0.1:5060", "", false},
      {"behind carrier's NAT", "100.128.0.1:5060", "", true},
  };
  for (const Row& row : rows) {
    const LoadResult result =
        load_text(with_groups("listeners: [{name: a, address: \"" + std::string(row.address) +
                              "\"" + std::string(row.more) + "}]"),
                  "f", "/");
    EXPECT_TRUE(result.good()) << row.description;
    EXPECT_EQ(result.warnings.size(), row.warns ? 1U : 0U) << row.description;
  }
  EXPECT_TRUE(
      without_file(
          load_text(with_groups("listeners: [{name: a, address: \"198.51.100.1:1\"}]"), "f", "/")
              .warnings)
          .starts_with("1:13: listener 'a' is public and has role 'both'"));
}

TEST(WarnTest, TellsOfATimerCBelowItsLeast) {
  const auto warnings = [](std::string_view ringing) {
    const LoadResult result =
        load_text(with_both("timers: {ringing: " + std::string(ringing) + "}"), "f", "/");
    EXPECT_TRUE(result.good()) << ringing;
    return without_file(result.warnings);
  };
  EXPECT_EQ(warnings("3m"),
            "1:19: 'ringing' is 3m: RFC 3261 wants Timer C above 3m, since people let it ring for "
            "that long");
  EXPECT_EQ(warnings("180001ms"), "");
}

TEST(WarnTest, TellsPublicIpv6FromLocal) {
  const auto warnings = [](std::string_view address) {
    return load_text("listeners: [{name: a, address: \"" + std::string(address) +
                         "\"}]\ngroups: [{name: g, servers: [{name: s, uri: \"sip:[::2]\"}]}]",
                     "f", "/")
        .warnings.size();
  };
  EXPECT_EQ(warnings("[2001:db8::1]:5060"), 1U);
  EXPECT_EQ(warnings("[::1]:5060"), 0U);
  EXPECT_EQ(warnings("[fe80::1]:5060"), 0U);
  EXPECT_EQ(warnings("[fd00::1]:5060"), 0U);
}

}  // namespace
}  // namespace siplb::config
