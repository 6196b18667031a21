#include "config/checks.h"

#include "mistake.h"

namespace siplb::config {
namespace {

TEST(ChecksTest, KeepsConnectionsOfASourceWithinThoseInAll) {
  const Mistake mistakes[] = {
      {"all of them", with_both("limits: {connections: 500, connections_per_source: 500}"), ""},
      {"more", with_both("limits: {connections: 500, connections_per_source: 501}"),
       "1:52: 'connections_per_source' is 501, more than 'connections', 500"},
      {"as many as the default", with_both("limits: {connections_per_source: 20000}"), ""},
      {"more than the default", with_both("limits: {connections_per_source: 20001}"),
       "1:34: 'connections_per_source' is 20001, more than 'connections', 20000"},
      {"default of a source above those in all", with_both("limits: {connections: 16}"), ""},
      {"connections that are faulty",
       with_both("limits: {connections: 5, connections_per_source: 30000}"),
       "1:23: 'connections' takes a number from 16 to 1000000, not '5'"},
      {"source that is faulty", with_both("limits: {connections: 16, connections_per_source: 0}"),
       "1:51: 'connections_per_source' takes a number from 1 to 1000000, not '0'"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(ChecksTest, ReportsFewerLanesThanWorkers) {
  EXPECT_EQ(faults_of(with_both("global: {workers: 8, lanes: 4}")),
            "1:29: 'lanes' is less than 'workers': some workers would have none");
  EXPECT_EQ(faults_of(with_both("global: {workers: 8, lanes: 8}")), "");
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

TEST(ChecksTest, ReportsOnePathForTwoSockets) {
  const Mistake mistakes[] = {
      {"two", with_both("admin: {socket: /run/a, read_socket: /run/b}"), ""},
      {"the same", with_both("admin: {socket: /run/a, read_socket: /run/x/../a}"),
       "1:38: 'read_socket' is the path of 'socket'"},
      {"both too long",
       with_both("admin: {socket: /" + std::string(107, 'a') + ", read_socket: /" +
                 std::string(107, 'a') + "}"),
       "1:17: longer than 107 octets as a whole: '/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'\n"
       "1:140: longer than 107 octets as a whole: '/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...'"},
      {"as long as may be", with_both("admin: {socket: /" + std::string(106, 'a') + "}"), ""},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
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

std::string warnings_of(std::string_view text) {
  const LoadResult result = load_text(text, "f", "/");
  EXPECT_EQ(without_file(result.faults), "");
  return without_file(result.warnings);
}

TEST(WarnTest, TellsOfFailoverByCodesThatAreAboutTheRequest) {
  EXPECT_EQ(
      warnings_of(with_listeners("groups: [{name: g, servers: [{name: a, uri: \"sip:10.0.0.1\"}],\n"
                                 "  failover: {codes: [401, 503, 407, 487, 486]}}]")),
      "2:22: code 401 is about the request: another server would answer the same\n"
      "2:32: code 407 is about the request: another server would answer the same\n"
      "2:37: code 487 is about the request: another server would answer the same");
}

TEST(WarnTest, TellsOfAGroupWhoseHealthIsAlwaysIgnored) {
  const auto warnings = [](std::string_view percent) {
    return warnings_of(with_listeners(
        "groups: [{name: g, servers: [{name: a, uri: 'sip:10.0.0.1'}], panic_below: " +
        std::string(percent) + "}]"));
  };
  EXPECT_EQ(warnings("99"), "");
  EXPECT_EQ(warnings("100"), "1:76: 'panic_below' is 100: health is always ignored");
}

TEST(WarnTest, TellsOfPatternsWhoseStarStandsForItself) {
  const auto warnings = [](std::string_view match) {
    return warnings_of(
        with_both("routes: [{name: r, group: pbx, match: {\n" + std::string(match) + "}}]"));
  };
  EXPECT_EQ(warnings("request_user: '*21*'"),
            "2:15: '*21*' is taken as it stands, but for a '*' at its end: should it be an "
            "expression, '~...'?");
  EXPECT_EQ(warnings("request_host: '*.example.com'"),
            "2:15: '*.example.com' is taken as it stands, but for a '*' at its end: should it be "
            "an expression, '~...'?");
  for (const std::string_view match :
       {"request_user: '21*'", "request_user: '21'", "request_user: '*'", "request_user: '~^2.*1'",
        "request_host: '~.*.com'"}) {
    EXPECT_EQ(warnings(match), "") << match;
  }
}

}  // namespace
}  // namespace siplb::config
