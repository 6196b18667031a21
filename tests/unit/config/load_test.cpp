#include "config/load.h"

#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace siplb::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

constexpr std::string_view kSmallest = R"(
listeners:
  - {name: inside, address: "10.0.0.5:5060"}
groups:
  - {name: pbx, servers: [{name: pbx1, uri: "sip:10.0.0.11"}]}
)";

LoadResult load(std::string_view text) {
  return load_text(text, "test.yaml", "/etc/siplb");
}

std::string report(const LoadResult& result) {
  std::string text;
  for (const Fault& fault : result.faults) text += to_text(fault) + "\n";
  return text;
}

TEST(LoadTest, TakesTheSmallestFileAndFillsInTheRest) {
  const LoadResult result = load(kSmallest);
  ASSERT_TRUE(result.good()) << report(result);
  EXPECT_TRUE(result.warnings.empty());

  const Configuration& configuration = result.configuration;
  EXPECT_EQ(configuration.global, GlobalOptions());
  EXPECT_EQ(configuration.limits, LimitOptions());
  ASSERT_TRUE(configuration.metrics.address);
  EXPECT_EQ(configuration.metrics.address->text(), "127.0.0.1:9095");
  ASSERT_EQ(configuration.listeners.size(), 1U);
  EXPECT_EQ(configuration.listeners[0].role, transport::ListenerRole::Both);
  ASSERT_EQ(configuration.groups.size(), 1U);
  ASSERT_EQ(configuration.groups[0].servers.size(), 1U);
  EXPECT_EQ(configuration.groups[0].servers[0].address.text(), "10.0.0.11:5060");
  EXPECT_EQ(configuration.groups[0].servers[0].weight, 100U);
  EXPECT_EQ(configuration.groups[0].servers[0].priority, 0U);
  EXPECT_EQ(configuration.groups[0].policy, balance::Policy::Maglev);
  ASSERT_EQ(configuration.routes.size(), 1U);
  EXPECT_EQ(configuration.routes[0].action, proxy::RouteAction::Group);
  EXPECT_EQ(configuration.routes[0].group, 0U);
}

TEST(LoadTest, ReadsEveryKeyBesideThoseOfTheTestsBelow) {
  const LoadResult result = load(R"(
global: {workers: 3, lanes: 32, memory: 2GiB, key_file: keys/../key, token_life: 7d,
         shutdown_grace: 2s, self_probe: 250ms, log: {level: debug, format: json}}
listeners:
  - {name: public, address: "192.0.2.1:5060", transports: [udp], role: clients,
     advertise: sip.example.com}
  - {name: "inside", address: "[2001:db8::5]:0", role: servers}
groups:
  - name: pbx
    policy: round-robin
    hash_key: header:X-Tenant
    record_route: false
    tokenless_dialogs: false
    servers: [{name: a, uri: "sip:[2001:db8::a]:5080;transport=UDP", weight: 0},
              {name: b, uri: "sip:[2001:db8::b]", priority: 7}]
  - {name: other, policy: random, hash_key: to-user, servers: [{name: a, uri: "sip:192.0.2.9"}]}
routes:
  - name: from
    match: {from_group: pbx, methods: [INVITE, BYE], listeners: [inside], transports: [udp]}
    group: other
  - {name: silent, match: {methods: [MESSAGE]}, drop: true}
  - {name: no, match: {listeners: [public]}, reject: {code: 603, reason: "Not here, sorry"}}
  - {name: rest, group: pbx}
metrics: off
)");
  ASSERT_TRUE(result.good()) << report(result);
  const Configuration& c = result.configuration;
  EXPECT_EQ(c.global.workers, 3U);
  EXPECT_EQ(c.global.lanes, 32U);
  EXPECT_EQ(c.global.memory_bytes, 2 * kGiB);
  EXPECT_EQ(c.global.key_file, "/etc/siplb/key");
  EXPECT_EQ(c.global.token_life, std::chrono::days(7));
  EXPECT_EQ(c.global.shutdown_grace, std::chrono::seconds(2));
  EXPECT_EQ(c.global.self_probe, std::chrono::milliseconds(250));
  EXPECT_EQ(c.global.log, (LogOptions{LogLevel::Debug, LogFormat::Json}));
  ASSERT_EQ(c.listeners.size(), 2U);
  EXPECT_EQ(c.listeners[0].role, transport::ListenerRole::Clients);
  ASSERT_EQ(c.listeners[0].advertise.size(), 1U);
  EXPECT_EQ(c.listeners[0].advertise[0].as, "sip.example.com");
  EXPECT_EQ(c.listeners[1].name, "inside");
  EXPECT_EQ(c.listeners[1].address.text(), "[2001:db8::5]:0");
  ASSERT_EQ(c.groups.size(), 2U);
  EXPECT_EQ(c.groups[0].policy, balance::Policy::RoundRobin);
  EXPECT_EQ(c.groups[0].hash_key.kind, balance::HashKeyKind::HeaderValue);
  EXPECT_EQ(c.groups[0].hash_key.header, "X-Tenant");
  EXPECT_FALSE(c.groups[0].record_route);
  EXPECT_FALSE(c.groups[0].tokenless_dialogs);
  EXPECT_EQ(c.groups[0].servers[0].address.text(), "[2001:db8::a]:5080");
  EXPECT_EQ(c.groups[0].servers[0].weight, 0U);
  EXPECT_EQ(c.groups[0].servers[0].priority, 0U);
  EXPECT_EQ(c.groups[0].servers[1].priority, 7U);
  EXPECT_EQ(c.groups[1].policy, balance::Policy::Random);
  EXPECT_EQ(c.groups[1].hash_key.kind, balance::HashKeyKind::ToUser);
  ASSERT_EQ(c.routes.size(), 4U);
  EXPECT_EQ(c.routes[0].from_group, balance::GroupIndex{0});
  EXPECT_EQ(c.routes[0].methods, 1U << static_cast<unsigned>(sip::Method::Invite) |
                                     1U << static_cast<unsigned>(sip::Method::Bye));
  EXPECT_EQ(c.routes[0].listeners, 2U);
  EXPECT_EQ(c.routes[0].transports, 1U);
  EXPECT_EQ(c.routes[0].group, 1U);
  EXPECT_EQ(c.routes[1].action, proxy::RouteAction::Drop);
  EXPECT_EQ(c.routes[2].action, proxy::RouteAction::Reject);
  EXPECT_EQ(c.routes[2].reject_code, 603U);
  EXPECT_EQ(c.routes[2].reject_reason, "Not here, sorry");
  EXPECT_FALSE(c.metrics.address);
}

TEST(LoadTest, ReadsWhoIsWho) {
  const LoadResult result = load(R"(
global: {names: [edge.example.com, "[2001:db8::2]"], nameservers: [10.0.0.2, "[::1]:5353"]}
listeners:
  - {name: public, address: "192.0.2.1:5060",
     headers: {remove: [P-Asserted-Identity], source: X-Source}}
  - {name: inside, address: "[2001:db8::5]:0", role: servers}
groups:
  - name: pbx
    listener: inside
    targets: ["2001:db8::/32"]
    servers: [{name: a, uri: "sip:[2001:db8::a]", sources: ["2001:db8::c"]}]
  - {name: other, servers: [{name: a, uri: "sip:192.0.2.9"}]}
routes: [{name: all, group: pbx}]
)");
  ASSERT_TRUE(result.good()) << report(result);
  const Configuration& c = result.configuration;
  EXPECT_THAT(c.global.names, ElementsAre("edge.example.com", "[2001:db8::2]"));
  EXPECT_THAT(c.global.nameservers,
              ElementsAre(*SockAddress::parse("10.0.0.2:53"), *SockAddress::parse("[::1]:5353")));
  EXPECT_THAT(c.listeners[0].headers.remove, ElementsAre("P-Asserted-Identity"));
  EXPECT_EQ(c.listeners[0].headers.source, "X-Source");
  EXPECT_THAT(c.listeners[1].headers.remove, IsEmpty());
  EXPECT_EQ(c.listeners[1].headers.source, "");
  EXPECT_EQ(c.groups[0].listener, 1U);
  EXPECT_THAT(c.groups[0].targets, ElementsAre(*Network::parse("2001:db8::/32")));
  EXPECT_THAT(c.groups[0].servers[0].sources, ElementsAre(*Network::parse("2001:db8::c")));
  EXPECT_FALSE(c.groups[1].listener);
  EXPECT_THAT(c.groups[1].targets, IsEmpty());
  EXPECT_THAT(c.groups[1].servers[0].sources, IsEmpty());
}

TEST(LoadTest, ReadsFailover) {
  const LoadResult result = load(std::string(kSmallest) + R"(
  - name: all
    failover: {first_response_timeout: 1500ms, max_attempts: 4, codes: [500, 302], budget: 35,
               late_2xx: release}
    servers: [{name: a, uri: "sip:192.0.2.9"}]
  - {name: none, failover: {codes: []}, servers: [{name: a, uri: "sip:192.0.2.9"}]}
routes: [{name: r, group: all}]
)");
  ASSERT_TRUE(result.good()) << report(result);
  const balance::FailoverOptions& standard = result.configuration.groups.at(0).failover;
  EXPECT_EQ(standard.first_response_timeout, 1s);
  EXPECT_EQ(standard.max_attempts, 3U);
  EXPECT_THAT(standard.codes, ElementsAre(503));
  EXPECT_EQ(standard.budget_percent, 20U);
  EXPECT_EQ(standard.late_2xx, balance::Late2xx::Forward);
  const balance::FailoverOptions& stated = result.configuration.groups.at(1).failover;
  EXPECT_EQ(stated.first_response_timeout, 1500ms);
  EXPECT_EQ(stated.max_attempts, 4U);
  EXPECT_THAT(stated.codes, ElementsAre(500, 302));
  EXPECT_EQ(stated.budget_percent, 35U);
  EXPECT_EQ(stated.late_2xx, balance::Late2xx::Release);
  EXPECT_THAT(result.configuration.groups.at(2).failover.codes, IsEmpty());
}

TEST(LoadTest, ReadsLimits) {
  const LoadResult result =
      load(std::string(kSmallest) +
           "limits: {message_bytes: 4096, headers: 64, transactions: 3000, calls: 5000,\n"
           "         socket_receive: 1MiB, call_expiry: 90m, connections: 700,\n"
           "         connections_per_source: 70, connection_queue: 7,\n"
           "         connection_queue_bytes: 77KiB}\n");
  ASSERT_TRUE(result.good()) << report(result);
  const LimitOptions& limits = result.configuration.limits;
  EXPECT_EQ(limits.message_bytes, 4096U);
  EXPECT_EQ(limits.headers, 64U);
  EXPECT_EQ(limits.transactions, 3000U);
  EXPECT_EQ(limits.calls, 5000U);
  EXPECT_EQ(limits.socket_receive_bytes, kMiB);
  EXPECT_EQ(limits.call_expiry, 90min);
  EXPECT_EQ(limits.connections, 700U);
  EXPECT_EQ(limits.connections_per_source, 70U);
  EXPECT_EQ(limits.connection_queue, 7U);
  EXPECT_EQ(limits.connection_queue_bytes, 77 * kKiB);
}

TEST(LoadTest, ReadsAdminSockets) {
  EXPECT_EQ(load(kSmallest).configuration.admin, AdminOptions());
  const LoadResult result =
      load(std::string(kSmallest) + "admin: {socket: /run/a.sock, read_socket: run/../b.sock}\n");
  ASSERT_TRUE(result.good()) << report(result);
  EXPECT_EQ(result.configuration.admin.socket, "/run/a.sock");
  EXPECT_EQ(result.configuration.admin.read_socket, "/etc/siplb/b.sock");
}

TEST(LoadTest, ReadsTimers) {
  const transaction::TimerOptions standard = load(kSmallest).configuration.timers;
  EXPECT_EQ(standard.t1, 500ms);
  EXPECT_EQ(standard.t2, 4s);
  EXPECT_EQ(standard.t4, 5s);
  EXPECT_EQ(standard.invite, 32s);
  EXPECT_EQ(standard.non_invite, 32s);
  EXPECT_EQ(standard.ringing, 5min);

  const LoadResult result =
      load(std::string(kSmallest) +
           "timers: {t1: 200ms, t2: 3s, t4: 6s, invite: 20s, non_invite: 15s, ringing: 4m}\n");
  ASSERT_TRUE(result.good()) << report(result);
  const transaction::TimerOptions& stated = result.configuration.timers;
  EXPECT_EQ(stated.t1, 200ms);
  EXPECT_EQ(stated.t2, 3s);
  EXPECT_EQ(stated.t4, 6s);
  EXPECT_EQ(stated.invite, 20s);
  EXPECT_EQ(stated.non_invite, 15s);
  EXPECT_EQ(stated.ringing, 4min);
}

TEST(LoadTest, ReadsTimersOfStreams) {
  const LoadResult result = load(std::string(kSmallest) +
                                 "timers: {connect: 1s, first_octet: 2s, message: 3s, idle: 4h, "
                                 "stalled: 5s, t1: 100ms}\n");
  ASSERT_TRUE(result.good()) << report(result);
  const transport::StreamTimers& stated = result.configuration.stream_timers;
  EXPECT_EQ(stated.connect, 1s);
  EXPECT_EQ(stated.first_octet, 2s);
  EXPECT_EQ(stated.message, 3s);
  EXPECT_EQ(stated.idle, 4h);
  EXPECT_EQ(stated.stalled, 5s);
  EXPECT_EQ(result.configuration.timers.t1, 100ms);
}

TEST(LoadTest, TakesSectionsInAnyOrder) {
  const LoadResult result = load(R"(
routes: [{name: all, group: pbx}]
groups: [{name: pbx, servers: [{name: a, uri: "sip:10.0.0.1"}]}]
listeners: [{name: l, address: "10.0.0.5:5060"}]
)");
  EXPECT_TRUE(result.good()) << report(result);
}

TEST(LoadTest, ReportsAllFaultsSortedByPlace) {
  const LoadResult result = load(R"(metrics: {adress: "127.0.0.1:1"}
limits: {headers: 4}
groups: [{name: pbx, servers: [{name: a b, uri: "sip:10.0.0.1"}]}]
listeners: [{name: l, address: "nowhere"}]
)");
  EXPECT_EQ(report(result),
            "test.yaml:1:11: unknown key 'adress' (did you mean 'address'?)\n"
            "test.yaml:2:19: 'headers' takes a number from 8 to 128, not '4'\n"
            "test.yaml:3:39: 'name' takes a name: 1 to 32 of letters, digits, '-' and '_', not "
            "'a b'\n"
            "test.yaml:4:32: 'address' takes an address with port: 192.0.2.1:5060 or "
            "[2001:db8::1]:5060, not the quoted text 'nowhere'\n");
}

TEST(LoadTest, BoundsTheNumberOfFaults) {
  std::string text(kSmallest);
  for (size_t i = 0; i < 2 * kFaultsMax; ++i) text += "k" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(load(text).faults.size(), kFaultsMax);
}

TEST(LoadTest, RefusesTextAboveTheCap) {
  std::string text(kSmallest);
  text.append(kFileBytesMax - text.size(), '\n');
  EXPECT_TRUE(load(text).good());
  text += '\n';
  EXPECT_EQ(report(load(text)), "test.yaml: more than 1048576 octets\n");
}

TEST(LoadTest, HashTellsVersionsApart) {
  EXPECT_EQ(load(kSmallest).hash, load(kSmallest).hash);
  EXPECT_EQ(load(kSmallest).hash.size(), 16U);
  EXPECT_NE(load(kSmallest).hash, load(std::string(kSmallest) + "\n").hash);
}

class FolderTest : public testing::Test {
 protected:
  FolderTest() {
    std::string name = (std::filesystem::temp_directory_path() / "siplb-load-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~FolderTest() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

TEST_F(FolderTest, PathsStartAtTheFilesFolder) {
  const std::filesystem::path file = folder_ / "siplb.yaml";
  std::ofstream(file) << kSmallest << "global: {key_file: key}\n";
  EXPECT_EQ(load_file(file).configuration.global.key_file, folder_ / "key");
}

TEST_F(FolderTest, SaysWhyAFileCannotBeRead) {
  const std::filesystem::path missing = folder_ / "missing.yaml";
  EXPECT_EQ(report(load_file(missing)), missing.string() + ": No such file or directory\n");
  EXPECT_EQ(report(load_file(folder_)), folder_.string() + ": this is a directory\n");
}

TEST_F(FolderTest, RefusesAFileAboveTheCap) {
  const std::filesystem::path file = folder_ / "siplb.yaml";
  std::ofstream(file) << kSmallest << std::string(kFileBytesMax, '\n');
  EXPECT_THAT(report(load_file(file)), HasSubstr("more than 1048576 octets"));
}

}  // namespace
}  // namespace siplb::config
