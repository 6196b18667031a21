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
  {name: a, uri: "sip:10.0.0.1", tls: {}}]}])"),
       "2:39: 'tls' is not yet supported"},
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
        "global: {workers: 1, lanes: 1, memory: 64MiB, token_life: 1d, shutdown_grace: 10ms}",
        "global: {workers: 64, lanes: 64, memory: 1024GiB, token_life: 3650d, shutdown_grace: "
        "5s}",
        "global: {self_probe: 100ms}", "global: {self_probe: 1h}", "global: {self_probe: off}"}) {
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

TEST(ValueTest, TakesItsBoundsAndNothingBeyond) {
  const Bounded rows[] = {
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
  for (const Bounded& bounded : rows) expect_bounds(bounded, with_groups(kListeners));
}

}  // namespace
}  // namespace siplb::config
