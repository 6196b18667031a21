// The table's part about groups: what it reads, and what it says about each kind of mistake.
#include <gmock/gmock.h>

#include "mistake.h"

namespace siplb::config {
namespace {

using balance::HealthOptions;
using balance::ServerOptions;
using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

// The groups of a file that is good.
std::vector<balance::GroupOptions> groups_of(std::string_view text) {
  const LoadResult result = load_text(with_listeners(text), "f", "/");
  EXPECT_EQ(without_file(result.faults), "");
  return result.configuration.groups;
}

TEST(GroupKeysTest, ReadPoliciesAndShares) {
  const auto groups = groups_of(R"(groups:
  - {name: a, policy: least-load, slow_start: 0s, panic_below: 50,
     servers: [{name: x, uri: "sip:10.0.0.1", max_calls: 500, max_inflight: 70}]}
  - {name: b, policy: least-calls, servers: [{name: x, uri: "sip:10.0.0.1"}]}
routes: [{name: r, group: a}])");
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].policy, balance::Policy::LeastLoad);
  EXPECT_EQ(groups[0].slow_start, 0s);
  EXPECT_EQ(groups[0].panic_below, 50U);
  EXPECT_EQ(groups[0].servers.at(0).max_calls, 500U);
  EXPECT_EQ(groups[0].servers.at(0).max_inflight, 70U);
  EXPECT_EQ(groups[1].policy, balance::Policy::LeastCalls);
  EXPECT_EQ(groups[1].slow_start, 10s);
  EXPECT_EQ(groups[1].panic_below, 0U);
  EXPECT_EQ(groups[1].servers.at(0).max_calls, 0U);
  EXPECT_EQ(groups[1].servers.at(0).max_inflight, 0U);
}

TEST(GroupKeysTest, ReadHealth) {
  const auto groups = groups_of(R"(groups:
  - name: g
    health: {method: INFO, interval: 3s, fast_interval: 250ms, timeout: 4s, rise: 5, fall: 6,
             source: listener, down: [404, 503], retry_after_max: 7s}
    servers: [{name: x, uri: "sip:10.0.0.1"}])");
  const HealthOptions expected{.method = sip::Method::Info,
                               .interval = 3s,
                               .fast_interval = 250ms,
                               .timeout = 4s,
                               .rise = 5,
                               .fall = 6,
                               .source = balance::ProbeSource::Listener,
                               .down = {404, 503},
                               .retry_after_max = 7s};
  EXPECT_EQ(groups.at(0).servers.at(0).health, expected);
  const auto standard = groups_of(kGroups);
  EXPECT_EQ(standard.at(0).servers.at(0).health, HealthOptions());
}

TEST(GroupKeysTest, LetHealthBeOffAndOnAgainForAServer) {
  const auto groups = groups_of(R"(groups:
  - name: g
    health: off
    servers:
      - {name: x, uri: "sip:10.0.0.1"}
      - {name: y, uri: "sip:10.0.0.2", health: {interval: 3s}}
      - {name: z, uri: "sip:10.0.0.3", health: "off"})");
  EXPECT_FALSE(groups.at(0).servers.at(0).health.is_watched);
  EXPECT_EQ(groups.at(0).servers.at(1).health, (HealthOptions{.interval = 3s}));
  EXPECT_FALSE(groups.at(0).servers.at(2).health.is_watched);
}

TEST(GroupKeysTest, TakeMethodsThatAskAQuestionForProbes) {
  for (const auto& [word, method] : {std::pair{"OPTIONS", sip::Method::Options},
                                     {"INFO", sip::Method::Info},
                                     {"MESSAGE", sip::Method::Message},
                                     {"REGISTER", sip::Method::Register}}) {
    const auto groups = groups_of(
        R"(groups: [{name: g, servers: [{name: x, uri: "sip:10.0.0.1"}], health: {method: )" +
        std::string(word) + "}}]");
    EXPECT_EQ(groups.at(0).servers.at(0).health.method, method);
  }
}

// Whatever the order in which the file says it.
TEST(GroupKeysTest, LetAServerOverrideItsGroupsHealthKeyByKey) {
  const auto groups = groups_of(R"(groups:
  - name: g
    servers:
      - {name: x, uri: "sip:10.0.0.1", health: {fall: 9, down: []}}
      - {name: y, uri: "sip:10.0.0.2"}
    health: {rise: 4, fall: 5, down: [500]}
  - name: other
    servers: [{name: z, uri: "sip:10.0.0.3", health: {rise: 7}}]
routes: [{name: r, group: g}])");
  const HealthOptions& x = groups.at(0).servers.at(0).health;
  EXPECT_EQ(x.rise, 4U);
  EXPECT_EQ(x.fall, 9U);
  EXPECT_THAT(x.down, IsEmpty());
  const HealthOptions& y = groups[0].servers.at(1).health;
  EXPECT_EQ(y.rise, 4U);
  EXPECT_EQ(y.fall, 5U);
  EXPECT_THAT(y.down, ElementsAre(500));
  const HealthOptions& z = groups.at(1).servers.at(0).health;
  EXPECT_EQ(z.rise, 7U);
  EXPECT_EQ(z.fall, 3U);
}

TEST(GroupKeysTest, ReadServersByName) {
  struct Row {
    std::string_view uri;
    bool has_port;
    uint16_t port;
    sip::Transport transport;
  };
  for (const Row& row :
       {Row{"sip:PBX.Example.com", false, 0, sip::Transport::Udp},
        Row{"sip:pbx.example.com:5070", true, 5070, sip::Transport::Udp},
        Row{"sip:pbx.example.com;transport=tcp", false, 0, sip::Transport::Tcp},
        Row{"sip:pbx.example.com:5060;transport=tcp", true, 5060, sip::Transport::Tcp}}) {
    const LoadResult result = load_text(
        "listeners: [{name: l, address: '10.0.0.5:5060', transports: [udp, tcp]}]\n"
        "groups: [{name: g, servers: [{name: x, uri: \"" +
            std::string(row.uri) + "\"}]}]",
        "f", "/");
    ASSERT_EQ(without_file(result.faults), "") << row.uri;
    const ServerOptions& server = result.configuration.groups[0].servers[0];
    EXPECT_EQ(server.host, "pbx.example.com") << row.uri;
    EXPECT_EQ(server.address.family(), SockAddress::Family::None) << row.uri;
    EXPECT_EQ(server.has_port, row.has_port) << row.uri;
    EXPECT_EQ(server.port, row.port) << row.uri;
    EXPECT_EQ(server.transport, row.transport) << row.uri;
  }
}

TEST(GroupKeysTest, TakeTheirBoundsAndNothingBeyond) {
  const std::string group = R"(groups: [{name: g, servers: [{name: a, uri: "sip:10.0.0.1"}], )";
  const std::string failover = group + "failover: {";
  const std::string health = group + "health: {";
  const std::string two = R"(groups: [{name: g, servers: [{name: a, uri: "sip:10.0.0.1"}, )"
                          R"({name: b, uri: "sip:10.0.0.2", )";
  const Bounded rows[] = {
      {"first_response_timeout", "a duration from 100ms to 32s",
       failover + "first_response_timeout: ", "}}]", "99ms", "100ms", "32s", "32001ms"},
      {"max_attempts", "a number from 1 to 4", failover + "max_attempts: ", "}}]", "0", "1", "4",
       "5"},
      {"budget", "a number from 0 to 100", failover + "budget: ", "}}]", "", "0", "100", "101"},
      {"priority", "a number from 0 to 255",
       R"(groups: [{name: g, servers: [{name: a, uri: "sip:10.0.0.1", priority: )", "}]}]", "", "0",
       "255", "256"},
      {"weight", "a number from 0 to 1000", two + "weight: ", "}]}]", "", "0", "1000", "1001"},
      {"max_calls", "a number from 0 to 1000000", two + "max_calls: ", "}]}]", "", "0", "1000000",
       "1000001"},
      {"max_inflight", "a number from 0 to 1000000", two + "max_inflight: ", "}]}]", "", "0",
       "1000000", "1000001"},
      {"slow_start", "a duration from 0s to 1h", group + "slow_start: ", "}]", "", "0s", "1h",
       "3600001ms"},
      {"panic_below", "a number from 0 to 100", group + "panic_below: ", "}]", "", "0", "100",
       "101"},
      {"interval", "a duration from 100ms to 1h", health + "interval: ", "}}]", "99ms", "100ms",
       "1h", "3600001ms"},
      {"fast_interval", "a duration from 50ms to 1h",
       health + "interval: 1h, fast_interval: ", "}}]", "49ms", "50ms", "1h", "3600001ms"},
      {"timeout", "a duration from 50ms to 32s", health + "timeout: ", "}}]", "49ms", "50ms", "32s",
       "32001ms"},
      {"rise", "a number from 1 to 32", health + "rise: ", "}}]", "0", "1", "32", "33"},
      {"fall", "a number from 1 to 32", health + "fall: ", "}}]", "0", "1", "32", "33"},
      {"retry_after_max", "a duration from 0s to 5m", health + "retry_after_max: ", "}}]", "", "0s",
       "5m", "300001ms"},
  };
  for (const Bounded& bounded : rows) expect_bounds(bounded, kListeners);
}

TEST(GroupKeysTest, RefuseWrongGroups) {
  const auto group = [](std::string_view keys) {
    return with_listeners("groups: [{name: g, servers: [{name: a, uri: \"sip:10.0.0.1\"}], " +
                          std::string(keys) + "}]");
  };
  const Mistake mistakes[] = {
      {"unknown policy", group("policy: random-ish"),
       "1:71: 'policy' takes maglev | round-robin | random | least-load | least-calls, not "
       "'random-ish'"},
      {"later key", group("trusted_transport: false"),
       "1:82: 'trusted_transport' is not yet supported"},
      {"hash key", group("hash_key: callid"),
       "1:73: 'hash_key' takes call-id | from-user | to-user | request-user | source-ip | "
       "header:NAME, not 'callid'"},
      {"hash key without header", group("hash_key: 'header:'"),
       "1:73: 'hash_key' takes call-id | from-user | to-user | request-user | source-ip | "
       "header:NAME, not the quoted text 'header:'"},
      {"quoted boolean", group("record_route: 'true'"),
       "1:77: 'record_route' takes true or false, not the quoted text 'true'"},
      {"YAML's other boolean", group("record_route: yes"),
       "1:77: 'record_route' takes true or false, not 'yes'"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(GroupKeysTest, RefuseWrongFailover) {
  const auto failover = [](std::string_view value) {
    return with_listeners(
        "groups: [{name: g, servers: [{name: a, uri: \"sip:10.0.0.1\"}],\n"
        "  failover: " +
        std::string(value) + "}]");
  };
  const Mistake mistakes[] = {
      {"no map", failover("off"), "2:13: 'failover' takes a map, not 'off'"},
      {"unknown key", failover("{max_attempt: 2}"),
       "2:14: unknown key 'max_attempt' (did you mean 'max_attempts'?)"},
      {"late_2xx", failover("{late_2xx: drop}"),
       "2:24: 'late_2xx' takes forward | release, not 'drop'"},
      {"no list of codes", failover("{codes: 503}"),
       "2:21: 'codes' takes a list of up to 16 codes from 300 to 699, not '503'"},
      {"codes beyond their bounds", failover("{codes: [299, 300, 699, 700]}"),
       "2:22: 'codes' takes codes from 300 to 699, not '299'\n"
       "2:37: 'codes' takes codes from 300 to 699, not '700'"},
      {"codes of the wrong kind", failover("{codes: ['503', all, [500]]}"),
       "2:22: 'codes' takes codes from 300 to 699, not the quoted text '503'\n"
       "2:29: 'codes' takes codes from 300 to 699, not 'all'\n"
       "2:34: 'codes' takes codes from 300 to 699, not a list of 1"},
      {"codes with an anchor and by alias", failover("{codes: [&a 503, *a]}"),
       "2:22: anchors are not allowed: '&a'\n2:30: aliases are not allowed"},
      {"repeated code", failover("{codes: [503, 500, 503]}"), "2:32: code 503 is repeated"},
      {"as many codes as there may be",
       failover("{codes: [500, 501, 502, 503, 504, 505, 506, 507, 508, 509, 510, 511, 512, 513, "
                "514, 515]}"),
       ""},
      {"one code more",
       failover("{codes: [500, 501, 502, 503, 504, 505, 506, 507, 508, 509, 510, 511, 512, 513, "
                "514, 515, 516]}"),
       "2:21: 'codes' takes a list of up to 16 codes from 300 to 699, not a list of 17"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(GroupKeysTest, RefuseWrongHealth) {
  const auto health = [](std::string_view value) {
    return with_listeners(
        "groups: [{name: g, servers: [{name: a, uri: \"sip:10.0.0.1\"}],\n"
        "  health: " +
        std::string(value) + "}]");
  };
  const auto of_server = [](std::string_view value) {
    return with_listeners(
        "groups: [{name: g, servers: [{name: a, uri: \"sip:10.0.0.1\",\n health: " +
        std::string(value) + "}]}]");
  };
  const Mistake mistakes[] = {
      {"no map", health("on"), "2:11: 'health' takes off or a map, not 'on'"},
      {"no map of a server", of_server("[]"),
       "2:10: 'health' takes off or a map of the group's health keys, not a list of 0"},
      {"unknown key", health("{intervall: 2s}"),
       "2:12: unknown key 'intervall' (did you mean 'interval'?)"},
      {"unknown key of a server", of_server("{raise: 2}"),
       "2:11: unknown key 'raise' (did you mean 'rise'?)"},
      {"key of the group as a server's", of_server("{panic_below: 2}"),
       "2:11: unknown key 'panic_below'"},
      {"method that begins a call", health("{method: INVITE}"),
       "2:20: 'method' takes OPTIONS | INFO | MESSAGE | REGISTER, not 'INVITE'"},
      {"method without an answer", health("{method: ACK}"),
       "2:20: 'method' takes OPTIONS | INFO | MESSAGE | REGISTER, not 'ACK'"},
      {"method within a dialog", health("{method: BYE}"),
       "2:20: 'method' takes OPTIONS | INFO | MESSAGE | REGISTER, not 'BYE'"},
      {"method in small letters", health("{method: options}"),
       "2:20: 'method' takes OPTIONS | INFO | MESSAGE | REGISTER, not 'options'"},
      {"source", health("{source: lane}"), "2:20: 'source' takes own | listener, not 'lane'"},
      {"success as a failure", health("{down: [200]}"),
       "2:19: 'down' takes codes from 300 to 699, not '200'"},
      {"as many codes as there may be",
       health("{down: [500, 501, 502, 503, 504, 505, 506, 507, 508, 509, 510, 511, 512, 513, "
              "514, 515]}"),
       ""},
      {"one code more",
       health("{down: [500, 501, 502, 503, 504, 505, 506, 507, 508, 509, 510, 511, 512, 513, "
              "514, 515, 516]}"),
       "2:18: 'down' takes a list of up to 16 codes from 300 to 699, not a list of 17"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(GroupKeysTest, RefuseWrongServers) {
  const auto server = [](std::string_view uri) {
    return with_listeners("groups: [{name: g, servers: [{name: a, uri: \"" + std::string(uri) +
                          "\"}]}]");
  };
  const Mistake mistakes[] = {
      {"no URI", server("10.0.0.1"),
       "1:45: 'uri' takes a URI: sip:192.0.2.1 or sip:pbx.example.com, with port and "
       ";transport if need be, not the quoted text '10.0.0.1'"},
      {"sips", server("sips:10.0.0.1"), "1:45: 'sips' is not yet supported"},
      {"tel", server("tel:+123"), "1:45: a server's URI starts with 'sip:'"},
      {"user", server("sip:me@10.0.0.1"), "1:45: a server's URI has no user part"},
      {"headers", server("sip:10.0.0.1?a=b"), "1:45: a server's URI has no headers"},
      {"mistyped address", server("sip:10.0.0.256"),
       "1:45: '10.0.0.256' is neither an address nor a host name"},
      {"label that ends in a hyphen", server("sip:pbx-.example.com"),
       "1:45: 'pbx-.example.com' is neither an address nor a host name"},
      {"empty label", server("sip:pbx..example.com:5070"),
       "1:45: 'pbx..example.com' is neither an address nor a host name"},
      {"wildcard", server("sip:0.0.0.0"), "1:45: a wildcard address is no server's"},
      {"TLS", server("sip:10.0.0.1;transport=TLS"), "1:45: transport 'tls' is not yet supported"},
      {"parameter", server("sip:10.0.0.1;lr"),
       "1:45: a server's URI has no parameters but 'transport=udp' or 'transport=tcp'"},
      {"parameter besides", server("sip:10.0.0.1;transport=udp;lr"),
       "1:45: a server's URI has no parameters but 'transport=udp' or 'transport=tcp'"},
      {"unknown transport", server("sip:10.0.0.1;transport=sctp"),
       "1:45: a server's URI has no parameters but 'transport=udp' or 'transport=tcp'"},
      {"list of transports", server("sip:10.0.0.1\", transports: \"tcp"),
       "1:73: 'transports' takes a list of transports: udp, tcp, not the quoted text 'tcp'"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
  EXPECT_EQ(faults_of(with_listeners(
                "groups: [{name: g, servers: [{name: a, uri: 'sip:10.0.0.1', weight: 1001}]}]")),
            "1:69: 'weight' takes a number from 0 to 1000, not '1001'");
}

}  // namespace
}  // namespace siplb::config
