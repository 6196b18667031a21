// The table's part about routes, by what it says about each kind of mistake.
#include "mistake.h"

namespace siplb::config {
namespace {

std::string with_routes(std::string_view routes) {
  return with_both("routes: [" + std::string(routes) + "]");
}

TEST(RouteKeysTest, ReportsEachKindOfMistakeAtItsPlace) {
  const Mistake mistakes[] = {
      {"unknown group", with_routes("{name: r, group: pxb}"),
       "1:27: there is no group 'pxb' (did you mean 'pbx'?)"},
      {"unknown from_group", with_routes("{name: r, match: {from_group: other}, group: pbx}"),
       "1:40: there is no group 'other'"},
      {"unknown listener", with_routes("{name: r, match: {listeners: [im]}, group: pbx}"),
       "1:40: there is no listener 'im' (did you mean 'in'?)"},
      {"unknown method", with_routes("{name: r, match: {methods: [INVITE, REGISTRE]}, group: pbx}"),
       "1:46: there is no method 'REGISTRE' (did you mean 'REGISTER'?)"},
      {"empty methods", with_routes("{name: r, match: {methods: []}, group: pbx}"),
       "1:37: 'methods' takes a list of methods of SIP, not a list of 0"},
      {"methods no list", with_routes("{name: r, match: {methods: INVITE}, group: pbx}"),
       "1:37: 'methods' takes a list of methods of SIP, not 'INVITE'"},
      {"later transport", with_routes("{name: r, match: {transports: [tls]}, group: pbx}"),
       "1:41: 'tls' is not yet supported"},
      {"unknown transport", with_routes("{name: r, match: {transports: [udpp]}, group: pbx}"),
       "1:41: there is no transport 'udpp' (did you mean 'udp'?)"},
      {"transports no list", with_routes("{name: r, match: {transports: udp}, group: pbx}"),
       "1:40: 'transports' takes a list of transports: udp, tcp, not 'udp'"},
      {"later key", with_routes("{name: r, match: {request-user: '0*'}, group: pbx}"),
       "1:28: unknown key 'request-user' (did you mean 'request_user'?)"},
      {"forward", with_routes("{name: r, match: {from_group: pbx}, forward: uri}"),
       "1:55: 'forward' takes request-uri, not 'uri'"},
      {"hash key", with_routes("{name: r, group: pbx, hash_key: user}"),
       "1:42: 'hash_key' takes call-id | from-user | to-user | request-user | source-ip | "
       "header:NAME, not 'user'"},
      {"stateless", with_routes("{name: r, group: pbx, stateless: yes}"),
       "1:43: 'stateless' takes true or false, not 'yes'"},
      {"path", with_routes("{name: r, group: pbx, path: on}"),
       "1:38: 'path' takes off | auto, not 'on'"},
      {"rate without unit", with_routes("{name: r, group: pbx, rate: 50}"),
       "1:38: 'rate' takes a rate from 1/s to 1000000/s, not '50'"},
      {"rate of another unit", with_routes("{name: r, group: pbx, rate: 50/m}"),
       "1:38: 'rate' takes a rate from 1/s to 1000000/s, not '50/m'"},
      {"rate below its bound", with_routes("{name: r, group: pbx, rate: 0/s}"),
       "1:38: 'rate' takes a rate from 1/s to 1000000/s, not '0/s'"},
      {"rate above its bound", with_routes("{name: r, group: pbx, rate: 1000001/s}"),
       "1:38: 'rate' takes a rate from 1/s to 1000000/s, not '1000001/s'"},
      {"quoted rate", with_routes("{name: r, group: pbx, rate: '50/s'}"),
       "1:38: 'rate' takes a rate from 1/s to 1000000/s, not the quoted text '50/s'"},
      {"drop that is not", with_routes("{name: r, drop: false}"),
       "1:26: 'drop' takes true, not 'false'"},
      {"reject code", with_routes("{name: r, reject: {code: 302}}"),
       "1:35: 'code' takes a number from 400 to 699, not '302'"},
      {"reject without code", with_routes("{name: r, reject: {reason: No}}"),
       "1:28: 'code' is missing"},
      {"reason with a line's end",
       with_routes("{name: r, reject: {code: 403, reason: \"a\\r\\nb\"}}"),
       "1:48: 'reason' takes up to 128 octets of text, not the quoted text 'a??b'"},
      {"reject that is no map", with_routes("{name: r, reject: 403}"),
       "1:28: 'reject' takes a map, not '403'"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

std::string with_match(std::string_view keys) {
  return with_routes("{name: r, group: pbx,\n match: {" + std::string(keys) + "}}");
}

TEST(RouteKeysTest, ReportsMistakesInPatterns) {
  const std::string takes = "text, text* or ~expression: 1 to 256 octets";
  const std::string longest(proxy::kPatternOctetsMax, 'a');
  const std::string empty = "2:24: 'request_user' takes " + takes + ", not the quoted text ''";
  const std::string too_long =
      "2:24: 'request_user' takes " + takes + ", not '" + longest.substr(0, 40) + "...'";
  const std::string of_header = "2:25: 'X-Y' takes " + takes + ", not a map";
  const Mistake mistakes[] = {
      {"longest", with_match("request_user: " + longest), ""},
      {"one octet more", with_match("request_user: a" + longest), too_long},
      {"empty", with_match("request_user: ''"), empty},
      {"open bracket", with_match("request_user: '~^(00|1'"), "2:24: '~^(00|1': missing ): ^(00|1"},
      {"what RE2 leaves out", with_match("request_host: '~(a)\\1'"),
       "2:24: '~(a)\\1': invalid escape sequence: \\1"},
      {"more states than there may be",
       with_match("request_user: '~(abcdefghijklmnopqrstuvwxyzabcdefghijklmnop){1000}'"),
       "2:24: '~(abcdefghijklmnopqrstuvwxyzabcdefghijkl...': pattern too large - compile failed"},
      {"no repeats without text", with_match("headers: {X-Y: '~*'}"),
       "2:25: '~*': no argument for repetition operator: *"},
      {"no brackets without '~'", with_match("request_user: '(('"), ""},
      {"header's pattern that is a map", with_match("headers: {X-Y: {}}"), of_header},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(RouteKeysTest, ReportsMistakesInMatches) {
  std::string most;
  for (size_t i = 0; i < proxy::kHeaderMatchesMax; ++i) most += "X-" + std::to_string(i) + ": a, ";
  const Mistake mistakes[] = {
      {"as many headers as there may be", with_match("headers: {" + most + "}"), ""},
      {"one more", with_match("headers: {" + most + "Y: a}"),
       "2:19: 'headers' takes a map of 1 to 8 headers' names to patterns, not a map"},
      {"no headers", with_match("headers: {}"),
       "2:19: 'headers' takes a map of 1 to 8 headers' names to patterns, not a map"},
      {"headers as a list", with_match("headers: [X-Y]"),
       "2:19: 'headers' takes a map of 1 to 8 headers' names to patterns, not a list of 1"},
      {"header's name", with_match("headers: {X Y: a}"), "2:20: 'X Y' is no header's name"},
      {"header twice", with_match("headers: {Subject: a, s: b}"),
       "2:32: header 'Subject' is repeated"},
      {"header twice in another case", with_match("headers: {X-Y: a, x-y: b}"),
       "2:28: header 'x-y' is repeated"},
      {"source", with_match("sources: [10.0.0.1/8]"),
       "2:20: a network, without bits beyond its prefix, was expected here, not '10.0.0.1/8'"},
      {"sources without a list", with_match("sources: 10.0.0.0/8"),
       "2:19: 'sources' takes a list of 1 to 64 networks: 10.0.0.0/8, 2001:db8::/32 or one "
       "address, "
       "not '10.0.0.0/8'"},
  };
  for (const Mistake& mistake : mistakes) expect_faults(mistake);
}

TEST(RouteKeysTest, ReadsWhatARequestIsMatchedBy) {
  const LoadResult result =
      load_text(with_match("request_user: \"~^(00|\\\\+)?88[12]\", request_host: 911,\n"
                           " sources: [10.0.0.0/8, '::1'], headers: {s: hi*, User-Agent: 'a b'}"),
                "f", "/");
  ASSERT_EQ(without_file(result.faults), "");
  const proxy::RouteOptions& route = result.configuration.routes[0];
  EXPECT_EQ(route.request_user, "~^(00|\\+)?88[12]");
  EXPECT_EQ(route.request_host, "911");
  EXPECT_EQ(route.sources,
            (std::vector{*Network::parse("10.0.0.0/8"), *Network::parse("::1/128")}));
  ASSERT_EQ(route.headers.size(), 2U);
  EXPECT_EQ(route.headers[0].name, "Subject");
  EXPECT_EQ(route.headers[0].pattern, "hi*");
  EXPECT_EQ(route.headers[1].name, "User-Agent");
  EXPECT_EQ(route.headers[1].pattern, "a b");
}

TEST(RouteKeysTest, ReadsWhatBecomesOfARequest) {
  const LoadResult result = load_text(
      with_routes("{name: a, match: {from_group: pbx}, forward: request-uri, rate: 1/s},\n"
                  "{name: b, match: {methods: [REGISTER]}, group: pbx, path: auto},\n"
                  "{name: c, group: pbx, stateless: true, hash_key: to-user, rate: 1000000/s}"),
      "f", "/");
  ASSERT_EQ(without_file(result.faults), "");
  const std::vector<proxy::RouteOptions>& routes = result.configuration.routes;
  EXPECT_EQ(routes[0].action, proxy::RouteAction::ForwardByUri);
  EXPECT_EQ(routes[0].rate, 1U);
  EXPECT_EQ(routes[1].action, proxy::RouteAction::Group);
  EXPECT_EQ(routes[1].path, proxy::PathMode::Auto);
  EXPECT_FALSE(routes[1].is_stateless);
  EXPECT_FALSE(routes[1].hash_key);
  EXPECT_EQ(routes[1].rate, 0U);
  EXPECT_EQ(routes[2].path, proxy::PathMode::Off);
  EXPECT_TRUE(routes[2].is_stateless);
  ASSERT_TRUE(routes[2].hash_key);
  EXPECT_EQ(routes[2].hash_key->kind, balance::HashKeyKind::ToUser);
  EXPECT_EQ(routes[2].rate, 1000000U);
}

TEST(RouteKeysTest, HasABitForEachTransport) {
  for (const auto& [list, bits] : {std::pair{"[udp]", 1U}, {"[tcp]", 2U}, {"[tcp, udp]", 3U}}) {
    const LoadResult result = load_text(
        with_groups("listeners: [{name: a, address: \"10.0.0.5:1\", transports: [udp, tcp]}]\n"
                    "routes: [{name: r, group: pbx, match: {transports: " +
                    std::string(list) + "}}]"),
        "f", "/");
    ASSERT_EQ(without_file(result.faults), "") << list;
    EXPECT_EQ(result.configuration.routes[0].transports, bits) << list;
  }
}

TEST(RouteKeysTest, WithoutMatchTakesEverything) {
  const Configuration configuration =
      load_text(with_routes("{name: r, group: pbx}"), "f", "/").configuration;
  ASSERT_EQ(configuration.routes.size(), 1U);
  EXPECT_EQ(configuration.routes[0].methods, UINT32_MAX);
  EXPECT_EQ(configuration.routes[0].listeners, UINT16_MAX);
  EXPECT_EQ(configuration.routes[0].transports, UINT8_MAX);
  EXPECT_FALSE(configuration.routes[0].from_group);
  EXPECT_FALSE(configuration.routes[0].request_user);
  EXPECT_FALSE(configuration.routes[0].request_host);
  EXPECT_TRUE(configuration.routes[0].sources.empty());
  EXPECT_TRUE(configuration.routes[0].headers.empty());
}

TEST(RouteKeysTest, KnowsEveryMethodOfItsTable) {
  for (size_t i = 0; i < static_cast<size_t>(sip::Method::Other); ++i) {
    const std::string method(sip::method_name(static_cast<sip::Method>(i)));
    const LoadResult result = load_text(
        with_routes("{name: r, match: {methods: [" + method + "]}, group: pbx}"), "f", "/");
    ASSERT_TRUE(result.good()) << method;
    EXPECT_EQ(result.configuration.routes[0].methods, 1U << i) << method;
  }
}

}  // namespace
}  // namespace siplb::config
