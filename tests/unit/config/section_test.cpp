#include "config/section.h"

#include "mistake.h"

namespace siplb::config {
namespace {

TEST(SectionTest, ReportsEachKindOfMistakeAtItsPlace) {
  const Mistake mistakes[] = {
      {"unknown key", with_both("global: {wokers: 2}"),
       "1:10: unknown key 'wokers' (did you mean 'workers'?)"},
      {"unknown key unlike any", with_both("global: {colour: 2}"), "1:10: unknown key 'colour'"},
      {"unknown section", with_both("limit: {headers: 16}"),
       "1:1: unknown key 'limit' (did you mean 'limits'?)"},
      {"unknown key with control octets", with_both("\"a\\e[31mb\": 1"),
       "1:1: unknown key 'a?[31mb'"},
      {"key of later work", with_both("overload: {source_rate: off}"),
       "1:11: 'overload' is not yet supported"},
      {"key of later work in a list", with_listeners(R"(groups: [{name: g, servers: [
  {name: a, uri: "sip:10.0.0.1", max_calls: 1}]}])"),
       "2:45: 'max_calls' is not yet supported"},
      {"section that is no map", with_both("limits: 5"), "1:9: 'limits' takes a map, not '5'"},
      {"section without content", with_both("limits:"), "1:1: 'limits' takes a map, not nothing"},
      {"list that is a map", with_groups("listeners: {name: in}"),
       "1:12: 'listeners' takes a list of 1 to 16 maps, not a map"},
      {"empty list", with_groups("listeners: []"),
       "1:12: 'listeners' takes a list of 1 to 16 maps, not a list of 0"},
      {"item that is no map",
       with_groups(R"(listeners: [public, {name: in, address: "10.0.0.5:5060"}])"),
       "1:13: a map was expected here, not 'public'"},
      {"missing section", std::string(kListeners), "1:1: 'groups' is missing"},
      {"missing key", with_groups("listeners: [{name: in}]"), "1:13: 'address' is missing"},
      {"value of the wrong kind", with_both("limits: {headers: [16]}"),
       "1:19: 'headers' takes a number from 8 to 128, not a list of 1"},
      {"root that is a list", "- listeners", "1:1: a map was expected here"},
      {"no content", "# nothing\n", " the file is empty"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(SectionTest, RefusesAListAboveItsBound) {
  std::string items;
  for (size_t i = 0; i < transport::kListenersMax; ++i) {
    items += "{name: l" + std::to_string(i) + ", address: \"10.0.0.5:" + std::to_string(5060 + i) +
             "\"}, ";
  }
  EXPECT_EQ(faults_of(with_groups("listeners: [" + items + "]")), "");
  items += "{name: more, address: \"10.0.0.5:6060\"}";
  EXPECT_EQ(faults_of(with_groups("listeners: [" + items + "]")),
            "1:12: 'listeners' takes a list of 1 to 16 maps, not a list of 17");
}

TEST(ValueTest, RefusesEachKindOfWrongValue) {
  const Mistake mistakes[] = {
      {"quoted number", with_both("limits: {headers: \"16\"}"),
       "1:19: 'headers' takes a number from 8 to 128, not the quoted text '16'"},
      {"number below its bound", with_both("limits: {message_bytes: 511}"),
       "1:25: 'message_bytes' takes a number from 512 to 65535, not '511'"},
      {"number above its bound", with_both("limits: {message_bytes: 65536}"),
       "1:25: 'message_bytes' takes a number from 512 to 65535, not '65536'"},
      {"workers", with_both("global: {workers: 65}"),
       "1:19: 'workers' takes auto or a number from 1 to 64, not '65'"},
      {"quoted auto", with_both("global: {workers: 'auto'}"),
       "1:19: 'workers' takes auto or a number from 1 to 64, not the quoted text 'auto'"},
      {"lanes no power of two", with_both("global: {lanes: 12}"),
       "1:17: 'lanes' takes auto or a power of two from 1 to 64, not '12'"},
      {"lanes above their bound", with_both("global: {lanes: 128}"),
       "1:17: 'lanes' takes auto or a power of two from 1 to 64, not '128'"},
      {"size without unit", with_both("global: {memory: 536870912}"),
       "1:18: 'memory' takes a size from 64MiB to 1024GiB, not '536870912'"},
      {"size below its bound", with_both("global: {memory: 63MiB}"),
       "1:18: 'memory' takes a size from 64MiB to 1024GiB, not '63MiB'"},
      {"quoted size", with_both("global: {memory: '512MiB'}"),
       "1:18: 'memory' takes a size from 64MiB to 1024GiB, not the quoted text '512MiB'"},
      {"duration without unit", with_both("limits: {call_expiry: 60}"),
       "1:23: 'call_expiry' takes a duration from 1m to 7d, not '60'"},
      {"duration above its bound", with_both("limits: {call_expiry: 8d}"),
       "1:23: 'call_expiry' takes a duration from 1m to 7d, not '8d'"},
      {"days with a fraction", with_both("global: {token_life: 25h}"),
       "1:22: 'token_life' takes a duration from 1d to 3650d, not '25h'"},
      {"word that is none of the choice", with_both("global: {log: {level: loud}}"),
       "1:23: 'level' takes debug | info | warning | error, not 'loud'"},
      {"empty path", with_both("global: {key_file: ''}"),
       "1:20: 'key_file' takes a path, relative to this file's folder, not the quoted text ''"},
      {"metrics that are neither off nor a map", with_both("metrics: on"),
       "1:10: 'metrics' takes off or a map, not 'on'"},
      {"metrics address without port", with_both("metrics: {address: 127.0.0.1}"),
       "1:20: 'address' takes an address with port: 127.0.0.1:9095, not '127.0.0.1'"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(ValueTest, TakesEachBound) {
  for (const std::string_view line :
       {"limits: {message_bytes: 512, headers: 8, calls: 1024, socket_receive: 64KiB, "
        "call_expiry: 1m}",
        "limits: {message_bytes: 65535, headers: 128, calls: 1073741824, socket_receive: 1GiB, "
        "call_expiry: 7d}",
        "global: {workers: 1, lanes: 1, memory: 64MiB, token_life: 1d}",
        "global: {workers: 64, lanes: 64, memory: 1024GiB, token_life: 3650d}"}) {
    EXPECT_EQ(faults_of(with_both(line)), "") << line;
  }
}

TEST(ValueTest, RefusesWrongNames) {
  std::string most;
  for (size_t i = 0; i < kOwnNamesMax; ++i) most += "h" + std::to_string(i) + ", ";
  const auto names = [](const std::string& list) {
    return with_both("global: {names: [" + list + "]}");
  };
  const Mistake mistakes[] = {
      {"as many as there may be", names(most), ""},
      {"one more", names(most + "more"),
       "1:17: 'names' takes a list of 1 to 64 hosts: names, IPv4 literals or [IPv6] ones, not a "
       "list "
       "of 65"},
      {"literals", names("10.0.0.1, '[::1]'"), ""},
      {"port", names("'a:5060'"),
       "1:18: a host without port was expected here, not the quoted text 'a:5060'"},
      {"repeated", names("edge, Edge"), "1:24: 'Edge' is repeated"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(ValueTest, RefusesWrongGroups) {
  const auto group = [](std::string_view keys) {
    return with_listeners("groups: [{name: g, servers: [{name: a, uri: \"sip:10.0.0.1\"}], " +
                          std::string(keys) + "}]");
  };
  const Mistake mistakes[] = {
      {"unknown policy", group("policy: random-ish"),
       "1:71: 'policy' takes maglev | round-robin | random, not 'random-ish'"},
      {"later policy", group("policy: least-load"), "1:71: 'least-load' is not yet supported"},
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

// A value within its bounds, which ends at `before` and goes on at `after` in the first line.
struct Bounded {
  std::string_view key;
  std::string_view takes;
  std::string before;
  std::string_view after;
  std::string_view too_low;  // empty: nothing is
  std::string_view lowest;
  std::string_view highest;
  std::string_view too_high;
};

void expect_bounds(const Bounded& bounded, std::string_view rest) {
  const auto faults_with = [&](std::string_view value) {
    return faults_of(bounded.before + std::string(value).append(bounded.after).append("\n") +
                     std::string(rest));
  };
  const auto refusal = [&](const std::string& value) {
    return "1:" + std::to_string(bounded.before.size() + 1) + ": '" + std::string(bounded.key) +
           "' takes " + std::string(bounded.takes) + ", not " + value;
  };
  EXPECT_EQ(faults_with(bounded.lowest), "") << bounded.key;
  EXPECT_EQ(faults_with(bounded.highest), "") << bounded.key;
  for (const std::string_view value : {bounded.too_low, bounded.too_high}) {
    if (value.empty()) continue;
    EXPECT_EQ(faults_with(value), refusal("'" + std::string(value) + "'"));
  }
  EXPECT_EQ(faults_with("soon"), refusal("'soon'"));
  EXPECT_EQ(faults_with("-1"), refusal("'-1'"));
  const std::string quoted = "'" + std::string(bounded.lowest) + "'";
  EXPECT_EQ(faults_with(quoted), refusal("the quoted text " + quoted));
  EXPECT_EQ(faults_with("[]"), refusal("a list of 0"));
  EXPECT_EQ(faults_with("{}"), refusal("a map"));
}

TEST(ValueTest, TakesItsBoundsAndNothingBeyond) {
  const Bounded beside_groups[] = {
      {"t1", "a duration from 50ms to 5s", "timers: {t2: 1m, t1: ", "}", "49ms", "50ms", "5s",
       "5001ms"},
      {"t2", "a duration from 50ms to 1m", "timers: {t1: 50ms, t2: ", "}", "49ms", "50ms", "1m",
       "60001ms"},
      {"t4", "a duration from 1s to 1m", "timers: {invite: 5m, t4: ", "}", "999ms", "1s", "1m",
       "60001ms"},
      {"invite", "a duration from 100ms to 5m", "timers: {t1: 50ms, invite: ", "}", "99ms", "100ms",
       "5m", "300001ms"},
      {"non_invite", "a duration from 100ms to 5m", "timers: {t1: 50ms, non_invite: ", "}", "99ms",
       "100ms", "5m", "300001ms"},
      {"ringing", "a duration from 10s to 1d", "timers: {ringing: ", "}", "9999ms", "10s", "24h",
       "86400001ms"},
      {"transactions", "a number from 1024 to 16777216", "limits: {transactions: ", "}", "1023",
       "1024", "16777216", "16777217"},
      {"connections", "a number from 16 to 1000000", "limits: {connections: ", "}", "15", "16",
       "1000000", "1000001"},
      {"connections_per_source", "a number from 1 to 1000000",
       "limits: {connections: 1000000, connections_per_source: ", "}", "0", "1", "1000000",
       "1000001"},
      {"connection_queue", "a number from 1 to 65536", "limits: {connection_queue: ", "}", "0", "1",
       "65536", "65537"},
      {"connection_queue_bytes", "a size from 4KiB to 64MiB",
       "limits: {connection_queue_bytes: ", "}", "3KiB", "4KiB", "64MiB", "65MiB"},
      {"connect", "a duration from 100ms to 5m", "timers: {connect: ", "}", "99ms", "100ms", "5m",
       "300001ms"},
      {"first_octet", "a duration from 100ms to 5m", "timers: {first_octet: ", "}", "99ms", "100ms",
       "5m", "300001ms"},
      {"message", "a duration from 100ms to 5m", "timers: {message: ", "}", "99ms", "100ms", "5m",
       "300001ms"},
      {"idle", "a duration from 1s to 7d", "timers: {idle: ", "}", "999ms", "1s", "7d",
       "604800001ms"},
      {"stalled", "a duration from 100ms to 5m", "timers: {stalled: ", "}", "99ms", "100ms", "5m",
       "300001ms"},
  };
  const std::string failover =
      R"(groups: [{name: g, servers: [{name: a, uri: "sip:10.0.0.1"}], failover: {)";
  const Bounded of_groups[] = {
      {"first_response_timeout", "a duration from 100ms to 32s",
       failover + "first_response_timeout: ", "}}]", "99ms", "100ms", "32s", "32001ms"},
      {"max_attempts", "a number from 1 to 4", failover + "max_attempts: ", "}}]", "0", "1", "4",
       "5"},
      {"budget", "a number from 0 to 100", failover + "budget: ", "}}]", "", "0", "100", "101"},
      {"priority", "a number from 0 to 255",
       R"(groups: [{name: g, servers: [{name: a, uri: "sip:10.0.0.1", priority: )", "}]}]", "", "0",
       "255", "256"},
  };
  for (const Bounded& bounded : beside_groups) expect_bounds(bounded, with_groups(kListeners));
  for (const Bounded& bounded : of_groups) expect_bounds(bounded, kListeners);
}

TEST(ValueTest, RefusesWrongFailover) {
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

TEST(ValueTest, RefusesWrongServers) {
  const auto server = [](std::string_view uri) {
    return with_listeners("groups: [{name: g, servers: [{name: a, uri: \"" + std::string(uri) +
                          "\"}]}]");
  };
  const Mistake mistakes[] = {
      {"no URI", server("10.0.0.1"),
       "1:45: 'uri' takes a URI: sip:192.0.2.1, with port and ;transport=udp or ;transport=tcp if "
       "need be, not the quoted text '10.0.0.1'"},
      {"sips", server("sips:10.0.0.1"), "1:45: 'sips' is not yet supported"},
      {"tel", server("tel:+123"), "1:45: a server's URI starts with 'sip:'"},
      {"user", server("sip:me@10.0.0.1"), "1:45: a server's URI has no user part"},
      {"headers", server("sip:10.0.0.1?a=b"), "1:45: a server's URI has no headers"},
      {"host name", server("sip:pbx.example.com"),
       "1:45: host names are not yet supported: 'pbx.example.com'"},
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
