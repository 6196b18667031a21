// Listeners against each other, by what is said about each kind of mistake.
#include <map>

#include "mistake.h"
#include "sip/seal.h"

namespace siplb::config {
namespace {

TEST(ListenerChecksTest, ReportsMistakesAmongListeners) {
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
       "4:31: no listener can reach server 'a': none is IPv4"},
      {"wildcard behind an address", with_groups(R"(listeners:
  - {name: a, address: "10.0.0.5:5060"}
  - {name: b, address: "0.0.0.0:5060", advertise: b})"),
       ""},
      {"address behind a wildcard", with_groups(R"(listeners:
  - {name: a, address: "0.0.0.0:5060", advertise: a}
  - {name: b, address: "10.0.0.5:5060"})"),
       ""},
      {"wildcards of both families", with_groups(R"(listeners:
  - {name: a, address: "0.0.0.0:5060", advertise: a}
  - {name: b, address: "[::]:5060", advertise: b})"),
       ""},
      {"wildcard of another port", with_groups(R"(listeners:
  - {name: a, address: "0.0.0.0:5060", advertise: a}
  - {name: b, address: "10.0.0.5:5061"})"),
       ""},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(ListenerChecksTest, TakesTwoListenersWithAnyPort) {
  EXPECT_EQ(faults_of(with_groups(R"(listeners:
  - {name: a, address: "10.0.0.5:0"}
  - {name: b, address: "10.0.0.5:0"})")),
            "");
}

TEST(ListenerChecksTest, RefusesListenersWhoseHashesCollide) {
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

TEST(ListenerChecksTest, ReportsNamesThatAreMissingOrNeverApply) {
  const auto listener = [](std::string_view address, std::string_view advertise) {
    return with_groups("listeners:\n- name: in\n  address: \"" + std::string(address) + "\"\n" +
                       std::string(advertise));
  };
  constexpr std::string_view kAny = "0.0.0.0:5060";
  constexpr std::string_view kOne = "10.0.0.5:5060";
  const Mistake mistakes[] = {
      {"wildcard without a name", listener(kAny, ""),
       "3:12: the sent-by of a wildcard address cannot be told: give 'advertise'"},
      {"wildcard without a name for everybody",
       listener(kAny, "  advertise: [{to: [10.0.0.0/8], as: a}]"),
       "4:14: with a wildcard address the last of 'advertise' is for everybody, without 'to'"},
      {"wildcard whose name is refused", listener(kAny, "  advertise: 'a:0'"),
       "4:14: 'advertise' takes a host with or without port, or a list of 1 to 16 maps, not the "
       "quoted text 'a:0'"},
      {"wildcard with one name", listener(kAny, "  advertise: a"), ""},
      {"wildcard with several", listener(kAny, "  advertise: [{to: [10.0.0.0/8], as: a}, {as: b}]"),
       ""},
      {"address without a name for everybody",
       listener(kOne, "  advertise: [{to: [10.0.0.0/8], as: a}]"), ""},
      {"behind the one for everybody",
       listener(kOne, "  advertise:\n  - {as: b}\n  - {to: [10.0.0.0/8], as: a}\n  - {as: c}"),
       "6:5: this can never apply: the one before it is for everybody"},
      {"second for everybody", listener(kOne, "  advertise:\n  - {as: b}\n  - {as: c}"),
       "6:5: this can never apply: the one before it is for everybody"},
      {"network of an earlier one",
       listener(kOne,
                "  advertise:\n  - {to: [10.0.0.0/8], as: a}\n  - {to: [::1, 10.0.0.0/8], as: b}"),
       "6:16: '10.0.0.0/8' is in an earlier list too"},
      {"part of an earlier one's",
       listener(kOne,
                "  advertise:\n  - {to: [10.0.0.0/8], as: a}\n  - {to: [10.0.0.0/16], as: b}"),
       ""},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(ListenerChecksTest, ReportsStunWithoutUdp) {
  const auto listener = [](std::string_view keys) {
    return with_groups("listeners: [{name: a, address: \"10.0.0.5:1\"},\n" +
                       std::string("{name: b, address: \"10.0.0.5:2\", ") + std::string(keys) +
                       "}]");
  };
  const Mistake mistakes[] = {
      {"with UDP", listener("stun: true"), ""},
      {"with both", listener("transports: [tcp, udp], stun: true"), ""},
      {"with TCP", listener("transports: [tcp], stun: true"),
       "2:59: 'stun' goes only with transport 'udp'"},
      {"off", listener("transports: [tcp], stun: false"), ""},
      {"with a list that is faulty", listener("transports: [tls], stun: true"),
       "2:47: 'tls' is not yet supported"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(ListenerChecksTest, ReportsHeadersWhereNoClientSpeaks) {
  const auto listeners = [](std::string_view role) {
    return with_groups("listeners:\n- {name: a, address: \"10.0.0.5:5060\"}\n" +
                       std::string("- {name: b, address: \"10.0.0.5:5061\",\n   role: ") +
                       std::string(role) + ", headers: {source: X-From}}");
  };
  const Mistake mistakes[] = {
      {"servers", listeners("servers"), "4:28: no client speaks here: the role is 'servers'"},
      {"clients", listeners("clients"), ""},
      {"both", listeners("both"), ""},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

}  // namespace
}  // namespace siplb::config
