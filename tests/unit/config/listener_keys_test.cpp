// The table's part about listeners, by what it says about each kind of mistake.
#include <gmock/gmock.h>

#include "mistake.h"
#include "sip/header_names.h"

namespace siplb::config {
namespace {

TEST(ListenerKeysTest, ReportsEachKindOfMistakeAtItsPlace) {
  const auto listener = [](std::string_view keys) {
    return with_groups("listeners: [{name: in, " + std::string(keys) + "}]");
  };
  const Mistake mistakes[] = {
      {"name", with_groups("listeners: [{name: in side, address: \"10.0.0.5:5060\"}]"),
       "1:20: 'name' takes a name: 1 to 32 of letters, digits, '-' and '_', not 'in side'"},
      {"address without port", listener("address: 10.0.0.5"),
       "1:33: 'address' takes an address with port: 192.0.2.1:5060 or [2001:db8::1]:5060, not "
       "'10.0.0.5'"},
      {"host name", listener("address: \"sip.example.com:5060\""),
       "1:33: 'address' takes an address with port: 192.0.2.1:5060 or [2001:db8::1]:5060, not "
       "the quoted text 'sip.example.com:5060'"},
      {"transports", listener("address: \"10.0.0.5:5060\", transports: udp"),
       "1:62: 'transports' takes a list of transports: udp, tcp, not 'udp'"},
      {"stun", listener("address: \"10.0.0.5:5060\", stun: on"),
       "1:56: 'stun' takes true or false, not 'on'"},
      {"role", listener("address: \"10.0.0.5:5060\", role: server"),
       "1:56: 'role' takes clients | servers | both, not 'server'"},
      {"advertise", listener("address: \"10.0.0.5:5060\", advertise: \"a:b\""),
       "1:61: 'advertise' takes a host with or without port, or a list of 1 to 16 maps, not the "
       "quoted text 'a:b'"},
      {"advertise that is a map", listener("address: \"10.0.0.5:5060\", advertise: {as: a}"),
       "1:61: 'advertise' takes a host with or without port, or a list of 1 to 16 maps, not a map"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(ListenerKeysTest, ReadsTransportsAndStun) {
  const Configuration configuration = load_text(with_groups(R"(listeners:
  - {name: a, address: "10.0.0.5:5060"}
  - {name: b, address: "10.0.0.5:5061", transports: [tcp]}
  - {name: c, address: "10.0.0.5:5062", transports: [tcp, udp], stun: true}
  - {name: d, address: "10.0.0.5:5063", stun: false})"),
                                                "f", "/")
                                          .configuration;
  using sip::Transport;
  using testing::ElementsAre;
  EXPECT_THAT(configuration.listeners.at(0).transports, ElementsAre(Transport::Udp));
  EXPECT_FALSE(configuration.listeners[0].stun);
  EXPECT_THAT(configuration.listeners.at(1).transports, ElementsAre(Transport::Tcp));
  EXPECT_THAT(configuration.listeners.at(2).transports,
              ElementsAre(Transport::Tcp, Transport::Udp));
  EXPECT_TRUE(configuration.listeners[2].stun);
  EXPECT_FALSE(configuration.listeners.at(3).stun);
}

TEST(ListenerKeysTest, TakesWildcardAddresses) {
  for (const std::string_view address : {"0.0.0.0:5060", "[::]:5060"}) {
    const LoadResult result =
        load_text(with_groups("listeners: [{name: in, address: \"" + std::string(address) +
                              "\", advertise: a}, {name: v4, address: \"10.0.0.5:5070\"}]"),
                  "f", "/");
    EXPECT_EQ(without_file(result.faults), "");
    EXPECT_EQ(result.configuration.listeners[0].address.text(), address);
  }
}

std::string with_advertise(std::string_view list) {
  return with_groups("listeners: [{name: in, address: \"10.0.0.5:5060\",\n advertise: " +
                     std::string(list) + "}]");
}

TEST(ListenerKeysTest, ReadsOneNameOrSeveralByNetwork) {
  const Configuration one = load_text(with_advertise("sip.example.com"), "f", "/").configuration;
  ASSERT_EQ(one.listeners[0].advertise.size(), 1U);
  EXPECT_EQ(one.listeners[0].advertise[0].as, "sip.example.com");
  EXPECT_TRUE(one.listeners[0].advertise[0].to.empty());

  const LoadResult result = load_text(
      with_advertise("[{to: [10.0.0.0/8, 192.0.2.1], as: a}, {as: \"b:5061\"}]"), "f", "/");
  ASSERT_EQ(without_file(result.faults), "");
  const auto& names = result.configuration.listeners[0].advertise;
  ASSERT_EQ(names.size(), 2U);
  ASSERT_EQ(names[0].to.size(), 2U);
  EXPECT_EQ(names[0].to[0], Network::parse("10.0.0.0/8"));
  EXPECT_EQ(names[0].to[1], Network::parse("192.0.2.1/32"));
  EXPECT_EQ(names[0].as, "a");
  EXPECT_TRUE(names[1].to.empty());
  EXPECT_EQ(names[1].as, "b:5061");
}

TEST(ListenerKeysTest, ReportsMistakesInAdvertise) {
  std::string most;
  for (size_t i = 0; i < transport::kAdvertisedMax; ++i) {
    most += "{to: [10.0.0." + std::to_string(i) + "], as: a}, ";
  }
  const Mistake mistakes[] = {
      {"as many as there may be", with_advertise("[" + most + "]"), ""},
      {"one more", with_advertise("[" + most + "{as: a}]"),
       "2:13: 'advertise' takes a host with or without port, or a list of 1 to 16 maps, not a list "
       "of 17"},
      {"none", with_advertise("[]"),
       "2:13: 'advertise' takes a host with or without port, or a list of 1 to 16 maps, not a list "
       "of 0"},
      {"no map", with_advertise("[a]"), "2:14: a map was expected here, not 'a'"},
      {"unknown key", with_advertise("[{ass: a}]"),
       "2:14: 'as' is missing\n2:15: unknown key 'ass' (did you mean 'as'?)"},
      {"name", with_advertise("[{as: \"a:0\"}]"),
       "2:19: 'as' takes a host with or without port, not the quoted text 'a:0'"},
      {"bits beyond the prefix", with_advertise("[{to: [10.0.0.1/8], as: a}]"),
       "2:20: a network, without bits beyond its prefix, was expected here, not '10.0.0.1/8'"},
      {"network that is a map", with_advertise("[{to: [{}], as: a}]"),
       "2:20: a network, without bits beyond its prefix, was expected here, not a map"},
      {"repeated network", with_advertise("[{to: [10.0.0.1, 10.0.0.1/32], as: a}]"),
       "2:30: '10.0.0.1/32' is repeated"},
      {"no list", with_advertise("[{to: 10.0.0.1, as: a}]"),
       "2:19: 'to' takes a list of 1 to 64 networks: 10.0.0.0/8, 2001:db8::/32 or one address, not "
       "'10.0.0.1'"},
      {"alias", with_advertise("[{to: [&a 10.0.0.1, *a], as: a}]"),
       "2:20: anchors are not allowed: '&a'\n2:33: aliases are not allowed"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

std::string with_headers(std::string_view keys) {
  return with_groups("listeners: [{name: in, address: \"10.0.0.5:5060\",\n headers: {" +
                     std::string(keys) + "}}]");
}

TEST(ListenerKeysTest, ReadsHeadersByTheirLongNames) {
  const LoadResult result = load_text(
      with_headers("remove: [P-Asserted-Identity, X-Siplb-*, s, Path], source: X-From"), "f", "/");
  ASSERT_EQ(without_file(result.faults), "");
  const transport::HeaderPolicy& headers = result.configuration.listeners[0].headers;
  EXPECT_THAT(headers.remove,
              testing::ElementsAre("P-Asserted-Identity", "X-Siplb-*", "Subject", "Path"));
  EXPECT_EQ(headers.source, "X-From");
  EXPECT_EQ(
      load_text(with_headers("source: y"), "f", "/").configuration.listeners[0].headers.source,
      "Identity");
}

TEST(ListenerKeysTest, ReportsMistakesInHeaders) {
  const Mistake mistakes[] = {
      {"no token", with_headers("remove: ['X Y']"),
       "2:21: a header's name, '*' only at its end, was expected here, not the quoted text 'X Y'"},
      {"'*' inside", with_headers("remove: [X-*-Y]"),
       "2:21: a header's name, '*' only at its end, was expected here, not 'X-*-Y'"},
      {"repeated", with_headers("remove: [X-Y, x-y]"), "2:26: 'x-y' is repeated"},
      {"repeated in short", with_headers("remove: [subject, s]"), "2:30: 's' is repeated"},
      {"read by siplb", with_headers("remove: [X-Y, call-id]"),
       "2:26: 'call-id' would take out 'Call-ID', which siplb cannot do without"},
      {"read by siplb, in short", with_headers("remove: [m]"),
       "2:21: 'm' would take out 'Contact', which siplb cannot do without"},
      {"beginning of one that is read", with_headers("remove: [rec*]"),
       "2:21: 'rec*' would take out 'Record-Route', which siplb cannot do without"},
      {"all of one that is read", with_headers("remove: [cseq*]"),
       "2:21: 'cseq*' would take out 'CSeq', which siplb cannot do without"},
      {"longer than one that is read", with_headers("remove: [To-*, Routes*]"), ""},
      {"everything", with_headers("remove: ['*']"),
       "2:21: '*' would take out 'Via', which siplb cannot do without"},
      {"no source's name", with_headers("source: 'X Y'"),
       "2:20: 'source' takes a header's name, not the quoted text 'X Y'"},
      {"source as a pattern", with_headers("source: X-*"),
       "2:20: 'source' takes a header's name, not 'X-*'"},
      {"source that is read by siplb", with_headers("source: Via"),
       "2:20: 'Via' would take out 'Via', which siplb cannot do without"},
      {"no list", with_headers("remove: X-Y"),
       "2:20: 'remove' takes a list of 1 to 32 headers' names, or beginnings and '*', not 'X-Y'"},
      {"no map", with_groups("listeners: [{name: in, address: \"10.0.0.5:5060\",\n headers: 1}]"),
       "2:11: 'headers' takes a map, not '1'"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(ListenerKeysTest, KeepsEveryHeaderThatMessagesAreRoutedBy) {
  for (const std::string_view name :
       {"Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards", "Route", "Record-Route",
        "Content-Length", "Proxy-Require", "Contact"}) {
    EXPECT_NE(sip::header_id(name), sip::HeaderId::Other) << name;
    EXPECT_NE(faults_of(with_headers("remove: [" + std::string(name) + "]")), "") << name;
  }
}

}  // namespace
}  // namespace siplb::config
