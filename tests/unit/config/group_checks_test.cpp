// Groups, their servers and listeners, by what is said about each kind of mistake.
#include <map>

#include "mistake.h"
#include "sip/seal.h"

namespace siplb::config {
namespace {

TEST(GroupChecksTest, TakesATierWhoseServersAllHaveNoWeight) {
  EXPECT_EQ(faults_of(with_listeners(R"(groups: [{name: a, servers: [
  {name: x, uri: "sip:10.0.0.1", weight: 0}, {name: y, uri: "sip:10.0.0.2", priority: 1}]}])")),
            "");
}

TEST(GroupChecksTest, ReportsMistakesAmongGroups) {
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
      {"server at a wildcard's port of this machine", R"(listeners:
  - {name: any, address: "0.0.0.0:5070", advertise: a}
groups: [{name: g, servers: [{name: x, uri: "sip:127.0.0.9:5070"},
  {name: y, uri: "sip:127.0.0.9:5071"}, {name: z, uri: "sip:10.0.0.9:5070"}]}])",
       "3:45: this is the address of listener 'any'"},
      {"server that is advertised", with_groups(R"(listeners:
  - {name: out, address: "10.0.0.5:5060", advertise: "10.0.0.1"}
  - {name: in, address: "10.0.0.6:5060", role: servers, advertise: "10.0.0.1:5061"})"),
       "4:47: this is the advertised address of listener 'out'"},
      {"server that is advertised to some", with_groups(R"(listeners:
  - name: in
    address: "10.0.0.5:5060"
    advertise: [{to: [192.0.2.0/24], as: a}, {to: [10.0.0.0/8], as: "10.0.0.1:5060"}])"),
       "5:47: this is the advertised address of listener 'in'"},
      {"link-local server",
       R"(listeners: [{name: in, address: "[2001:db8::5]:5060", role: both}]
groups: [{name: a, servers: [{name: x, uri: "sip:[fe80::1]"}]}])",
       "2:45: IPv6 link-local addresses are not supported: no scope id can be given"},
      {"no weight", with_listeners(R"(groups: [{name: a, servers: [
  {name: x, uri: "sip:10.0.0.1", weight: 0}]}])"),
       "1:29: one of the servers needs a weight above 0"},
      {"no listener of IPv6", with_listeners(R"(groups: [{name: a, servers: [
  {name: y, uri: "sip:[2001:db8::1]"}]}])"),
       "1:29: no listener can reach server 'y': none is IPv6"},
      {"no listener of IPv4", with_groups(R"(listeners: [{name: a, address: "[::1]:5060"}])"),
       "2:31: no listener can reach server 'a': none is IPv4"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

constexpr std::string_view kBothFamilies = R"(listeners:
  - {name: v4, address: "10.0.0.5:5060"}
  - {name: v6, address: "[2001:db8::5]:5060"})";

TEST(GroupChecksTest, TakesServersOfBothFamilies) {
  EXPECT_EQ(faults_of(std::string(kBothFamilies) + R"(
groups: [{name: a, servers: [
  {name: x, uri: "sip:10.0.0.1"}, {name: y, uri: "sip:[2001:db8::1]"}]}])"),
            "");
}

TEST(GroupChecksTest, ReportsAListenerThatCannotReachAServer) {
  const auto group = [](std::string_view listener) {
    return std::string(kBothFamilies) +
           "\ngroups:\n- name: g\n  listener: " + std::string(listener) +
           "\n  servers: [{name: x, uri: \"sip:10.0.0.1\"}, {name: y, uri: \"sip:10.0.0.2\"}]";
  };
  const Mistake mistakes[] = {
      {"of their family", group("v4"), ""},
      {"of the other one", group("v6"),
       "6:13: listener 'v6' cannot reach server 'x': it is not IPv4"},
      {"of one of both families", std::string(kBothFamilies) + R"(
groups: [{name: a, listener: v4, servers: [
  {name: x, uri: "sip:10.0.0.1"}, {name: y, uri: "sip:[2001:db8::1]"}]}])",
       "4:30: listener 'v4' cannot reach server 'y': it is not IPv6"},
      {"unknown", group("v5"), "6:13: there is no listener 'v5' (did you mean 'v4'?)"},
      {"no text", group("[v4]"), "6:13: 'listener' takes a listener's name, not a list of 1"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(GroupChecksTest, ReportsListenersWithoutTheServersTransports) {
  const std::string udp = R"({name: u, address: "10.0.0.5:5060"})";
  const std::string tcp = R"({name: t, address: "10.0.0.5:5061", transports: [tcp]})";
  const std::string both = R"({name: b, address: "10.0.0.5:5062", transports: [udp, tcp]})";
  const std::string v6 = R"({name: s, address: "[::5]:5060", transports: [udp, tcp]})";
  constexpr std::string_view kOverUdp = R"(uri: "sip:10.0.0.1")";
  constexpr std::string_view kOverTcp = R"(uri: "sip:10.0.0.1;transport=tcp")";
  constexpr std::string_view kOverBoth = R"(uri: "sip:10.0.0.1", transports: [udp, tcp])";
  const auto group = [](const std::string& listeners, std::string_view keys,
                        std::string_view server) {
    return "listeners: [" + listeners + "]\ngroups: [{name: g, " + std::string(keys) +
           "\n servers: [{name: x, " + std::string(server) + "}]}]";
  };
  const std::string apart = udp + ", " + tcp;
  const std::string udp_of_v4 = udp + ", " + v6;
  const std::string tcp_of_v4 = tcp + ", " + v6;
  const Mistake mistakes[] = {
      {"UDP", group(apart, "", kOverUdp), ""},
      {"TCP", group(apart, "", kOverTcp), ""},
      {"both of one", group(udp + ", " + both, "", kOverBoth), ""},
      {"both of two", group(apart, "", kOverBoth),
       "3:11: no listener can reach server 'x': none that is IPv4 has transports 'udp' and 'tcp'"},
      {"no TCP", group(udp_of_v4, "", kOverTcp),
       "3:11: no listener can reach server 'x': none that is IPv4 has transport 'tcp'"},
      {"no UDP", group(tcp_of_v4, "", kOverUdp),
       "3:11: no listener can reach server 'x': none that is IPv4 has transport 'udp'"},
      {"another family only", group(v6, "", kOverTcp),
       "3:11: no listener can reach server 'x': none is IPv4"},
      {"UDP asked for", group(apart, "listener: u,", kOverUdp), ""},
      {"TCP asked for", group(apart, "listener: t,", kOverTcp), ""},
      {"both asked for", group(both, "listener: b,", kOverBoth), ""},
      {"asked for without UDP", group(apart, "listener: t,", kOverUdp),
       "2:30: listener 't' cannot reach server 'x': it is without transport 'udp'"},
      {"asked for without TCP", group(apart, "listener: u,", kOverTcp),
       "2:30: listener 'u' cannot reach server 'x': it is without transport 'tcp'"},
      {"asked for without one of both", group(apart, "listener: u,", kOverBoth),
       "2:30: listener 'u' cannot reach server 'x': it is without transports 'udp' and 'tcp'"},
      {"asked for with another family", group(udp_of_v4, "listener: s,", kOverTcp),
       "2:30: listener 's' cannot reach server 'x': it is not IPv4"},
      {"of a listener whose transports are faulty",
       group(R"({name: a, address: "10.0.0.5:1", transports: [tls]})", "", kOverTcp),
       "1:59: 'tls' is not yet supported"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

std::string with_server(std::string_view keys) {
  return R"(listeners: [{name: b, address: "10.0.0.5:5060", transports: [udp, tcp]}]
groups: [{name: g, servers: [{name: x, )" +
         std::string(keys) + "}]}]";
}

TEST(GroupChecksTest, ReadsWhatAServerIsReachedBy) {
  struct Row {
    std::string_view keys;
    sip::Transport transport;
    bool takes_tcp;
  };
  for (const Row& row : {
           Row{R"(uri: "sip:10.0.0.1")", sip::Transport::Udp, false},
           Row{R"(uri: "sip:10.0.0.1;transport=udp")", sip::Transport::Udp, false},
           Row{R"(uri: "sip:10.0.0.1;transport=TCP")", sip::Transport::Tcp, false},
           Row{R"(uri: "sip:10.0.0.1", transports: [udp])", sip::Transport::Udp, false},
           Row{R"(transports: [tcp], uri: "sip:10.0.0.1")", sip::Transport::Tcp, false},
           Row{R"(uri: "sip:10.0.0.1;transport=tcp", transports: [tcp])", sip::Transport::Tcp,
               false},
           Row{R"(uri: "sip:10.0.0.1", transports: [udp, tcp])", sip::Transport::Udp, true},
           Row{R"(uri: "sip:10.0.0.1;transport=udp", transports: [tcp, udp])", sip::Transport::Udp,
               true},
       }) {
    const LoadResult result = load_text(with_server(row.keys), "f", "/");
    ASSERT_EQ(without_file(result.faults), "") << row.keys;
    const balance::ServerOptions& server = result.configuration.groups[0].servers[0];
    EXPECT_EQ(server.transport, row.transport) << row.keys;
    EXPECT_EQ(server.takes_tcp, row.takes_tcp) << row.keys;
  }
}

TEST(GroupChecksTest, ReportsAUriThatContradictsTheTransports) {
  const Mistake mistakes[] = {
      {"UDP and TCP", with_server(R"(uri: "sip:10.0.0.1;transport=udp", transports: [tcp])"),
       "2:87: this server is reached over 'tcp', but its URI says 'udp'"},
      {"TCP and UDP", with_server(R"(uri: "sip:10.0.0.1;transport=TCP", transports: [udp])"),
       "2:87: this server is reached over 'udp', but its URI says 'TCP'"},
      {"TCP and both, of which UDP comes first",
       with_server(R"(uri: "sip:10.0.0.1;transport=tcp", transports: [tcp, udp])"),
       "2:87: this server is reached over 'udp', but its URI says 'tcp'"},
      {"TCP and a faulty list",
       with_server(R"(uri: "sip:10.0.0.1;transport=tcp", transports: [udp, tls])"),
       "2:93: 'tls' is not yet supported"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(GroupChecksTest, TakesOneAddressOverBothTransportsInTwoGroups) {
  constexpr std::string_view kListener =
      "listeners: [{name: b, address: \"10.0.0.5:5060\", transports: [udp, tcp]}]\n"
      "routes: [{name: r, group: a}]\n";
  const std::string first =
      std::string(kListener) + "groups: [{name: a, servers: [{name: x, uri: \"sip:10.0.0.1\"}";
  constexpr std::string_view kSecond = R"({name: y, uri: "sip:10.0.0.1;transport=tcp"}]}])";
  EXPECT_EQ(faults_of(first + "]},\n  {name: b, servers: [" + std::string(kSecond)), "");
  EXPECT_EQ(faults_of(first + ",\n  " + std::string(kSecond)), "4:18: server 'x' has this address");
}

TEST(GroupChecksTest, ReportsSourcesThatCannotTellServersApart) {
  const auto servers = [](std::string_view of_x, std::string_view of_y) {
    return with_listeners("groups:\n- name: g\n  servers:\n  - {name: x, uri: \"sip:10.0.0.1\"" +
                          std::string(of_x) + "}\n  - {name: y, uri: \"sip:10.0.0.2\"" +
                          std::string(of_y) + "}");
  };
  const Mistake mistakes[] = {
      {"of two servers", servers(", sources: [10.1.0.0/16]", ", sources: [10.2.0.0/16]"), ""},
      {"same of both", servers(", sources: [10.1.0.0/16]", ", sources: [::1, 10.1.0.0/16]"),
       "5:51: '10.1.0.0/16' is in an earlier list too"},
      {"same of one", servers(", sources: [10.1.0.0/16, 10.1.0.0/16]", ""),
       "4:59: '10.1.0.0/16' is repeated"},
      {"part of the other's", servers(", sources: [10.1.0.0/16]", ", sources: [10.1.1.0/24]"), ""},
      {"same in two groups", with_listeners(R"(groups:
  - {name: a, servers: [{name: x, uri: "sip:10.0.0.1", sources: [10.1.0.0/16]}]}
  - {name: b, servers: [{name: x, uri: "sip:10.0.0.1", sources: [10.1.0.0/16]}]}
routes: [{name: r, group: a}])"),
       ""},
      {"where no server speaks", R"(listeners: [{name: in, address: "10.0.0.5:5060", role: clients}]
groups: [{name: g, servers: [{name: x, uri: "sip:10.0.0.1", sources: [10.1.0.0/16]}]}])",
       "2:70: this can never apply: no listener has role 'servers' or 'both'"},
      {"where only servers speak",
       R"(listeners: [{name: in, address: "10.0.0.5:5060", role: servers}]
groups: [{name: g, servers: [{name: x, uri: "sip:10.0.0.1", sources: [10.1.0.0/16]}]}])",
       ""},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(GroupChecksTest, RefusesMoreSourcesInAllThanTheBound) {
  const auto group = [](char name, size_t source_count) {
    std::string text = std::string("- {name: ") + name + ", servers: [";
    for (size_t i = 0; i < source_count; ++i) {
      const std::string server = std::to_string(i / transport::kNetworksMax);
      const size_t number = i % transport::kNetworksMax;
      if (number == 0) {
        if (i > 0) text += "]}, ";
        text += "{name: s" + server + ", uri: \"sip:10.0.0." + server + "\", sources: [";
      }
      text += "10.1." + server + "." + std::to_string(number) + ",";
    }
    return text + "]}]}\n";
  };
  const std::string head =
      "listeners: [{name: in, address: \"10.9.9.9:5060\", role: both}]\n"
      "routes: [{name: r, group: a}]\ngroups:\n";
  EXPECT_EQ(faults_of(head + group('a', balance::kSourcesMax - 1) + group('b', 1)), "");
  EXPECT_EQ(faults_of(head + group('a', balance::kSourcesMax - 1) + group('b', 2)),
            "5:22: more than 1024 sources in all groups together");
}

TEST(GroupChecksTest, ReportsNamesThatAreUsedTwiceOrOurOwn) {
  const auto server = [](std::string_view uri) {
    return std::string(
               R"(listeners: [{name: in, address: "10.0.0.5:5060", advertise: "edge.org:5070"}]
global: {names: [sip.example.com]}
groups: [{name: g, servers: [{name: x, uri: "sip:pbx.example.com"}, {name: y, uri: ")") +
           std::string(uri) + "\"}]}]";
  };
  const Mistake mistakes[] = {
      {"another name", server("sip:pbx2.example.com"), ""},
      {"the same name", server("sip:PBX.example.com"), "3:84: server 'x' has this address"},
      {"the same name with a port", server("sip:pbx.example.com:5060"), ""},
      {"one of global.names", server("sip:sip.example.com"),
       "3:84: 'sip.example.com' stands in global.names: this is siplb itself"},
      {"one of them with a listener's port", server("sip:sip.example.com:5060"),
       "3:84: 'sip.example.com' stands in global.names: this is siplb itself"},
      {"one of them with another port", server("sip:sip.example.com:5080"), ""},
      {"advertised", server("sip:Edge.org:5070"),
       "3:84: this is the advertised address of listener 'in'"},
      {"advertised with another port", server("sip:edge.org"), ""},
      {"of a file whose listener is faulty",
       R"(listeners: [{name: in, address: nowhere}]
groups: [{name: g, servers: [{name: x, uri: "sip:pbx.example.com"}]}])",
       "1:33: 'address' takes an address with port: 192.0.2.1:5060 or [2001:db8::1]:5060, not "
       "'nowhere'"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

// Which families its addresses have is known when it leads to some.
TEST(GroupChecksTest, ReportsNamesWhoseTransportNoListenerHas) {
  const auto group = [](std::string_view keys, std::string_view server) {
    return R"(listeners: [{name: in, address: "[2001:db8::5]:5060"}]
groups: [{name: g, )" +
           std::string(keys) + "servers: [{name: x, " + std::string(server) + "}]}]";
  };
  const Mistake mistakes[] = {
      {"UDP", group("", R"(uri: "sip:a.org")"), ""},
      {"TCP", group("", R"(uri: "sip:a.org;transport=tcp")"),
       "2:29: no listener can reach server 'x': none has transport 'tcp'"},
      {"both", group("", R"(uri: "sip:a.org", transports: [udp, tcp])"),
       "2:29: no listener can reach server 'x': none has transports 'udp' and 'tcp'"},
      {"UDP of a listener", group("listener: in, ", R"(uri: "sip:a.org")"), ""},
      {"TCP of a listener", group("listener: in, ", R"(uri: "sip:a.org;transport=tcp")"),
       "2:30: listener 'in' cannot reach server 'x': it is without transport 'tcp'"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

std::string with_health(std::string_view of_group, std::string_view of_server) {
  return with_listeners("groups:\n- name: g\n  health: {" + std::string(of_group) +
                        "}\n  servers:\n  - {name: x, uri: \"sip:10.0.0.1\", health: {" +
                        std::string(of_server) + "}}\n  - {name: y, uri: \"sip:10.0.0.2\"}");
}

TEST(GroupChecksTest, ReportsFastProbesThatAreSlowerThanOthers) {
  const Mistake mistakes[] = {
      {"equal", with_health("interval: 300ms, fast_interval: 300ms", ""), ""},
      {"slower, told once", with_health("interval: 300ms, fast_interval: 301ms", ""),
       "3:44: 'fast_interval' is 301ms, longer than the interval of server 'x', 300ms"},
      {"slower than the default", with_health("fast_interval: 2s", ""),
       "3:27: 'fast_interval' is 2s, longer than the interval of server 'x', 1s"},
      {"slower than a server's", with_health("fast_interval: 300ms", "interval: 200ms"),
       "3:27: 'fast_interval' is 300ms, longer than the interval of server 'x', 200ms"},
      {"slower at a server", with_health("interval: 200ms", "fast_interval: 300ms"),
       "5:60: 'fast_interval' is 300ms, longer than the interval of server 'x', 200ms"},
      {"beside a faulty interval", with_health("interval: soon, fast_interval: 2s", ""),
       "3:22: 'interval' takes a duration from 100ms to 1h, not 'soon'"},
      {"a timeout above the interval", with_health("interval: 300ms, timeout: 3s", ""), ""},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(GroupChecksTest, LetsTheDefaultOfFastProbesGiveWay) {
  const LoadResult result = load_text(with_health("interval: 200ms", "interval: 3s"), "f", "/");
  ASSERT_EQ(without_file(result.faults), "");
  const auto& servers = result.configuration.groups.at(0).servers;
  EXPECT_EQ(servers.at(0).health.fast_interval, std::chrono::milliseconds(500));
  EXPECT_EQ(servers.at(1).health.fast_interval, std::chrono::milliseconds(200));
}

TEST(GroupChecksTest, ReportsProbesThatNoListenerCanSend) {
  const auto group = [](std::string_view of_group, std::string_view server) {
    return R"(listeners: [{name: in, address: "10.0.0.5:5060", transports: [udp, tcp]}]
groups: [{name: g, )" +
           std::string(of_group) + "servers: [{name: x, " + std::string(server) + "}]}]";
  };
  const Mistake mistakes[] = {
      {"UDP", group("health: {source: listener}, ", R"(uri: "sip:10.0.0.1")"), ""},
      {"both",
       group("health: {source: listener}, ", R"(uri: "sip:10.0.0.1", transports: [udp, tcp])"), ""},
      {"TCP", group("health: {source: listener}, ", R"(uri: "sip:10.0.0.1;transport=tcp")"),
       "2:37: listeners send probes over 'udp' only, but server 'x' is reached over 'tcp'"},
      {"TCP with sockets of their own",
       group("health: {source: listener}, ",
             R"(uri: "sip:10.0.0.1;transport=tcp", health: {source: own})"),
       ""},
      {"TCP of the server's own",
       group("", R"(uri: "sip:10.0.0.1;transport=tcp", health: {source: listener})"),
       "2:92: listeners send probes over 'udp' only, but server 'x' is reached over 'tcp'"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(GroupChecksTest, TakesOneServerInTwoGroups) {
  EXPECT_EQ(faults_of(with_listeners(R"(groups:
  - {name: a, servers: [{name: x, uri: "sip:10.0.0.1"}]}
  - {name: b, servers: [{name: x, uri: "sip:10.0.0.1"}]}
routes: [{name: r, group: a}])")),
            "");
}

TEST(GroupChecksTest, RefusesServersWhoseIdsCollideAcrossGroups) {
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

TEST(GroupChecksTest, RefusesMoreServersInAllThanTheBound) {
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

TEST(GroupChecksTest, CountsANameByTheServersThatItCanLeadTo) {
  const auto group = [](size_t count) {
    std::string text = std::string(kListeners) + "\ngroups: [{name: g, servers: [";
    for (size_t i = 0; i < count; ++i) {
      const std::string name = "s" + std::to_string(i);
      text += "{name: " + name + ", uri: \"sip:" + name + ".org\"},";
    }
    return text + "]}]";
  };
  EXPECT_EQ(faults_of(group(balance::kServersMax / balance::kPlacesPerName)), "");
  EXPECT_EQ(faults_of(group(balance::kServersMax / balance::kPlacesPerName + 1)),
            "2:29: more than 4096 servers in all groups together");
}

}  // namespace
}  // namespace siplb::config
