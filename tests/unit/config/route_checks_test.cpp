// Routes against groups and each other, by what is said about each kind of mistake.
#include "mistake.h"

namespace siplb::config {
namespace {

TEST(RouteChecksTest, ReportsMistakesAmongRoutes) {
  const Mistake mistakes[] = {
      {"no action", with_both("routes: [{name: r}]"),
       "1:10: a route needs one of 'group', 'drop', 'reject', 'forward'"},
      {"two actions", with_both("routes: [{name: r, group: pbx, drop: true}]"),
       "1:32: a route has only one of 'group', 'drop', 'reject', 'forward'"},
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

TEST(RouteChecksTest, ReportsTransportsThatNoListenerHas) {
  const auto match = [](std::string_view keys) {
    return with_groups(R"(listeners:
  - {name: u, address: "10.0.0.5:5060"}
  - {name: t, address: "10.0.0.5:5061", transports: [tcp]}
routes: [{name: r, group: pbx, match: {)" +
                       std::string(keys) + "}}]");
  };
  constexpr std::string_view kNever =
      "this can never match: no such listener has one of these transports";
  const std::string of_listener = "4:68: " + std::string(kNever);
  const std::string of_none = "2:53: " + std::string(kNever);
  const Mistake mistakes[] = {
      {"of one listener", match("transports: [tcp]"), ""},
      {"of another one", match("listeners: [u], transports: [tcp]"), of_listener},
      {"of it", match("listeners: [t], transports: [tcp]"), ""},
      {"one of two", match("listeners: [u], transports: [tcp, udp]"), ""},
      {"of none",
       with_both("routes: [{name: r, group: pbx,\n"
                 "  match: {methods: [BYE, INFO, INVITE], transports: [tcp]}}]"),
       of_none},
      {"unknown listener", match("listeners: [x], transports: [tcp]"),
       "4:52: there is no listener 'x' (did you mean 'u'?)"},
      {"unknown transport", match("listeners: [u], transports: [tls]"),
       "4:69: 'tls' is not yet supported"},
      {"of a listener whose transports are faulty",
       with_groups("listeners: [{name: a, address: \"10.0.0.5:1\", transports: [tls]}]\n"
                   "routes: [{name: r, group: pbx, match: {transports: [tcp]}}]"),
       "1:59: 'tls' is not yet supported"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(RouteChecksTest, RoutesOfServersAreNotHiddenByThoseOfClients) {
  EXPECT_EQ(faults_of(with_both(R"(routes:
  - {name: clients, group: pbx}
  - {name: servers, match: {from_group: pbx}, group: pbx})")),
            "");
}

TEST(RouteChecksTest, ReportsActionsWithoutWhatTheyNeed) {
  const auto route = [](std::string_view keys) {
    return with_both("routes: [{name: r,\n  " + std::string(keys) + "}]");
  };
  const auto of_policy = [](std::string_view policy) {
    return with_listeners("groups: [{name: g, policy: " + std::string(policy) +
                          ", servers: [{name: a, uri: \"sip:10.0.0.1\"}]}]\n"
                          "routes: [{name: r, group: g, stateless: true}]");
  };
  const Mistake mistakes[] = {
      {"forward for clients", route("forward: request-uri"),
       "2:12: 'forward' goes only with match.from_group: nobody else may choose where we send"},
      {"forward for a group", route("match: {from_group: pbx}, forward: request-uri, rate: 5/s"),
       ""},
      {"keys of a group", route("drop: true, hash_key: call-id, stateless: false, path: off"),
       "2:25: 'hash_key' goes only with 'group'\n2:45: 'stateless' goes only with 'group'\n"
       "2:58: 'path' goes only with 'group'"},
      {"keys of a group besides forward",
       route("match: {from_group: pbx}, forward: request-uri, stateless: true"),
       "2:62: 'stateless' goes only with 'group'"},
      {"rate of nothing", route("reject: {code: 403}, rate: 5/s"),
       "2:30: 'rate' goes only with 'group' or 'forward'"},
      {"path of any method", route("group: pbx, path: auto"),
       "2:21: 'path' goes only with match.methods [REGISTER]"},
      {"path of another method",
       route("group: pbx, path: auto, match: {methods: [REGISTER, INVITE]}"),
       "2:21: 'path' goes only with match.methods [REGISTER]"},
      {"path of REGISTER", route("group: pbx, path: auto, match: {methods: [REGISTER]}"), ""},
      {"no path of any method", route("group: pbx, path: off"), ""},
      {"stateless with path",
       route("group: pbx, path: auto, match: {methods: [REGISTER]}, stateless: true"),
       "2:68: 'stateless' does not go with 'path'"},
      {"stateless by maglev", of_policy("maglev"), ""},
      {"stateless by turns", of_policy("round-robin"),
       "2:41: 'stateless' goes only with a group whose policy is maglev"},
      {"stateless by chance", of_policy("random"),
       "2:41: 'stateless' goes only with a group whose policy is maglev"},
      {"stateless to an unknown group", route("group: none, stateless: true"),
       "2:10: there is no group 'none'"},
      {"stateless without groups",
       std::string(kListeners) + "\nroutes: [{name: r, group: g, stateless: true}]",
       "1:1: 'groups' is missing\n2:27: there is no group 'g'"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(RouteChecksTest, TellsRoutesThatHideOthers) {
  struct Row {
    std::string_view description;
    std::string_view earlier;
    std::string_view later;
    bool hides;
  };
  const Row rows[] = {
      {"no condition", "", "request_user: a", true},
      {"a condition that the later one lacks", "request_user: a", "", false},
      {"the same user", "request_user: a", "request_user: a, methods: [BYE]", true},
      {"another user", "request_user: a", "request_user: b", false},
      {"the same host", "request_host: a", "request_host: a", true},
      {"another host", "request_host: a", "request_host: b", false},
      {"a host for a user", "request_host: a", "request_user: a", false},
      {"networks of which the later one has some", "sources: [10.0.0.0/8, '::1']",
       "sources: ['::1']", true},
      {"networks of which the later one has more", "sources: ['::1']",
       "sources: [10.0.0.0/8, '::1']", false},
      {"networks that the later one lacks", "sources: ['::1']", "", false},
      {"headers of which the later one has more", "headers: {S: a}",
       "headers: {X-Y: b, subject: a}", true},
      {"headers of which the later one has some", "headers: {X-Y: b, Subject: a}",
       "headers: {Subject: a}", false},
      {"the same header with another pattern", "headers: {X-Y: a}", "headers: {X-Y: b}", false},
  };
  for (const Row& row : rows) {
    const std::string faults = faults_of(
        with_both("routes:\n- {name: a, group: pbx, match: {" + std::string(row.earlier) +
                  "}}\n- {name: b, group: pbx, match: {" + std::string(row.later) + "}}"));
    EXPECT_EQ(faults, row.hides ? "3:3: this can never match: route 'a' before it takes all of its "
                                  "requests"
                                : "")
        << row.description;
  }
}

TEST(RouteChecksTest, ARouteAboveItsRateHidesOthersToo) {
  EXPECT_EQ(faults_of(with_both("routes:\n- {name: a, group: pbx, rate: 5/s}\n"
                                "- {name: b, drop: true}")),
            "3:3: this can never match: route 'a' before it takes all of its requests");
}

TEST(RouteChecksTest, ARouteWhoseMatchIsFaultyHidesNone) {
  EXPECT_EQ(faults_of(with_both("routes:\n- {name: a, group: pbx, match: {request_user: []}}\n"
                                "- {name: b, drop: true}")),
            "2:47: 'request_user' takes text, text* or ~expression: 1 to 256 octets, not a list of "
            "0");
  EXPECT_EQ(faults_of(with_both("routes:\n- {name: a, group: pbx, match: all}\n"
                                "- {name: b, drop: true}")),
            "2:32: 'match' takes a map, not 'all'");
}

}  // namespace
}  // namespace siplb::config
