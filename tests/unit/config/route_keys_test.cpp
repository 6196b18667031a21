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
      {"later match", with_routes("{name: r, match: {request_user: '0*'}, group: pbx}"),
       "1:42: 'request_user' is not yet supported"},
      {"later action", with_routes("{name: r, forward: request-uri}"),
       "1:29: 'forward' is not yet supported"},
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

TEST(RouteKeysTest, WithoutMatchTakesEverything) {
  const Configuration configuration =
      load_text(with_routes("{name: r, group: pbx}"), "f", "/").configuration;
  ASSERT_EQ(configuration.routes.size(), 1U);
  EXPECT_EQ(configuration.routes[0].methods, UINT32_MAX);
  EXPECT_EQ(configuration.routes[0].listeners, UINT16_MAX);
  EXPECT_EQ(configuration.routes[0].transports, UINT8_MAX);
  EXPECT_FALSE(configuration.routes[0].from_group);
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
