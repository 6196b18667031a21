#include "proxy/route_table.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/alloc_guard.h"
#include "support/sip_builder.h"

namespace siplb::proxy {
namespace {

using test::SipBuilder;

uint32_t bit(sip::Method method) {
  return 1U << static_cast<unsigned>(method);
}

Network network(std::string_view text) {
  return *Network::parse(text);
}

// A request and what is known about who sent it.
struct Arrived {
  std::string text = SipBuilder::request().str();
  sip::Method method = sip::Method::Invite;
  transport::Flow source = {.remote = SockAddress::v4(0xc0000201, 5060)};
  uint64_t sender_groups = 0;
};

class RouteTableTest : public testing::Test {
 protected:
  // The name of the route that takes it.
  std::string chosen(const std::vector<RouteOptions>& routes, const Arrived& sent) {
    // Of exactly its size, so that an overread is seen.
    const std::vector<char> octets(sent.text.begin(), sent.text.end());
    sip::Message message;
    EXPECT_EQ(sip::scan({octets.data(), octets.size()}, {}, message), sip::ScanStatus::Ok);
    const auto position = RouteTable(routes).select({.message = message,
                                                     .method = sent.method,
                                                     .source = sent.source,
                                                     .sender_groups = sent.sender_groups},
                                                    expressions_);
    return position ? routes[*position].name : "none";
  }
  // The key by which the only route does not take it; "" where it takes it.
  std::string obstacle(const RouteOptions& route, const Arrived& sent) {
    sip::Message message;
    EXPECT_EQ(sip::scan(sent.text, {}, message), sip::ScanStatus::Ok);
    const auto key = RouteTable({&route, 1})
                         .find_obstacle(0,
                                        {.message = message,
                                         .method = sent.method,
                                         .source = sent.source,
                                         .sender_groups = sent.sender_groups},
                                        expressions_);
    return std::string(key ? name(*key) : "");
  }
  std::string chosen(const std::vector<RouteOptions>& routes, SipBuilder& request) {
    return chosen(routes, Arrived{.text = request.str()});
  }
  // True where a request to `uri` is one to a user, or host, of that pattern.
  bool user_matches(const std::string& pattern, std::string_view uri) {
    auto request = SipBuilder::request(sip::Method::Invite, uri);
    return chosen({{.name = "it", .request_user = pattern}}, request) == "it";
  }
  bool host_matches(const std::string& pattern, std::string_view uri) {
    auto request = SipBuilder::request(sip::Method::Invite, uri);
    return chosen({{.name = "it", .request_host = pattern}}, request) == "it";
  }
  bool header_matches(const HeaderMatch& match, std::string_view line) {
    auto request = SipBuilder::request().raw(line);
    return chosen({{.name = "it", .headers = {match}}}, request) == "it";
  }

  Counter expressions_;
};

TEST_F(RouteTableTest, NoRoutesTakeNothing) {
  EXPECT_EQ(chosen({}, Arrived{}), "none");
}

TEST_F(RouteTableTest, TheFirstThatHoldsWins) {
  const std::vector<RouteOptions> routes = {
      {.name = "calls", .methods = bit(sip::Method::Invite)}, {.name = "a"}, {.name = "b"}};
  EXPECT_EQ(chosen(routes, {.method = sip::Method::Invite}), "calls");
  EXPECT_EQ(chosen(routes, {.method = sip::Method::Message}), "a");
  EXPECT_EQ(chosen(routes, {.method = sip::Method::Other}), "a");
}

TEST_F(RouteTableTest, EveryConditionMustHold) {
  const std::vector<RouteOptions> routes = {
      {.name = "narrow",
       .methods = bit(sip::Method::Register),
       .listeners = 1U << 3,
       .transports = 1U << static_cast<unsigned>(sip::Transport::Udp),
       .sources = {network("192.0.2.0/24")},
       .request_user = "bob",
       .request_host = "example.com",
       .headers = {{"User-Agent", "phone*"}, {"Subject", "lunch"}}}};
  const SipBuilder request =
      SipBuilder::request().add("User-Agent", "phone/1").add("Subject", "lunch");
  Arrived all{.text = request.str(), .method = sip::Method::Register};
  all.source.listener = 3;
  EXPECT_EQ(chosen(routes, all), "narrow");

  EXPECT_EQ(obstacle(routes[0], all), "");

  std::vector<Arrived> others(8, all);
  others[0].method = sip::Method::Invite;
  others[1].source.listener = 2;
  others[2].source.transport = sip::Transport::Tcp;
  others[3].source.remote = SockAddress::v4(0xc0000301, 5060);
  const std::string_view uri = "sip:bob@example.com";
  const auto with_uri = [&](std::string_view other) {
    std::string text = all.text;
    return text.replace(text.find(uri), uri.size(), other);
  };
  others[4].text = with_uri("sip:bab@example.com");
  others[5].text = with_uri("sip:bob@example.net");
  others[6].text = SipBuilder(request).set("Subject", "dinner").str();
  others[7].sender_groups = 1;
  const std::vector<std::string> keys = {"methods", "listeners",    "transports",
                                         "sources", "request_user", "request_host",
                                         "headers", "from_group"};
  for (size_t i = 0; i < others.size(); ++i) {
    EXPECT_EQ(chosen(routes, others[i]), "none") << i;
    EXPECT_EQ(obstacle(routes[0], others[i]), keys[i]);
  }
}

TEST_F(RouteTableTest, ServersMeetOnlyRoutesThatNameTheirGroup) {
  const std::vector<RouteOptions> routes = {{.name = "default"},
                                            {.name = "out", .from_group = balance::GroupIndex{2}}};
  EXPECT_EQ(chosen(routes, {.sender_groups = 0}), "default");
  EXPECT_EQ(chosen(routes, {.sender_groups = 1U << 2}), "out");
  EXPECT_EQ(chosen(routes, {.sender_groups = 1U << 1 | 1U << 2}), "out");
  EXPECT_EQ(chosen(routes, {.sender_groups = 1U << 1}), "none");
}

TEST_F(RouteTableTest, SourcesAreMetByOneOfTheirNetworks) {
  const std::vector<RouteOptions> routes = {
      {.name = "near", .sources = {network("10.0.0.0/8"), network("2001:db8::/32")}}};
  Arrived sent;
  EXPECT_EQ(chosen(routes, sent), "none");
  sent.source.remote = SockAddress::v4(0x0a010203, 1024);
  EXPECT_EQ(chosen(routes, sent), "near");
  sent.source.remote = *SockAddress::parse("[2001:db8::7]:5060");
  EXPECT_EQ(chosen(routes, sent), "near");
}

TEST_F(RouteTableTest, TheUserIsComparedWithItsEscapesUndone) {
  EXPECT_TRUE(user_matches("88*", "sip:8812@example.com"));
  EXPECT_TRUE(user_matches("88*", "sip:%38%38%31@example.com"));
  EXPECT_TRUE(user_matches("~^88", "sips:%388@example.com"));
  EXPECT_TRUE(user_matches("88", "sip:%38%38@example.com"));
  EXPECT_FALSE(user_matches("88", "sip:%2538%38@example.com"));
  EXPECT_TRUE(user_matches("a:b", "sip:a%3ab@example.com"));
}

TEST_F(RouteTableTest, TheUserHasNoPassword) {
  EXPECT_TRUE(user_matches("bob", "sip:bob:secret@example.com"));
  EXPECT_FALSE(user_matches("~secret", "sip:bob:secret@example.com"));
  EXPECT_FALSE(user_matches("Bob", "sip:bob@example.com"));
}

TEST_F(RouteTableTest, AUriWithoutUserHasAnEmptyOne) {
  for (const std::string_view uri : {"sip:example.com", "urn:service:sos"}) {
    EXPECT_TRUE(user_matches("", uri)) << uri;
    EXPECT_FALSE(user_matches("~.", uri)) << uri;
  }
}

TEST_F(RouteTableTest, TheNumberOfATelUriHasNoVisualSeparators) {
  EXPECT_TRUE(user_matches("+4989123", "tel:+49-(89).1-23;phone-context=example.com"));
  EXPECT_TRUE(user_matches("881*", "tel:8%38-%31-2"));
  EXPECT_TRUE(user_matches("881", "tel:8%2d8%2D1"));
  EXPECT_FALSE(user_matches("881", "sip:8-81@example.com"));
  EXPECT_TRUE(user_matches("8-81", "sip:8-81@example.com;user=phone"));
}

TEST_F(RouteTableTest, NoUserIsTooLongToBeReadToItsEnd) {
  std::string escaped;
  for (size_t i = 0; i < 20000; ++i) escaped += "%61";
  EXPECT_TRUE(user_matches("~^a{1000}.*a77$", "sip:" + escaped + "%377@example.com"));
  EXPECT_FALSE(user_matches("~77$", "sip:" + escaped + "@example.com"));
  EXPECT_TRUE(user_matches("a*", "sip:" + escaped + "@example.com"));
  EXPECT_TRUE(user_matches("~^1{1000}.*77$", "tel:" + std::string(60000, '1') + "-7-7"));
}

TEST_F(RouteTableTest, TheHostIsComparedWithoutCase) {
  for (const std::string pattern : {"Example.com", "EXAM*", "~^example\\.COM$"}) {
    EXPECT_TRUE(host_matches(pattern, "sip:bob@eXample.com:5070;transport=udp")) << pattern;
    EXPECT_FALSE(host_matches(pattern, "sip:bob@exempla.com")) << pattern;
  }
  EXPECT_TRUE(host_matches("[2001:DB8::1]", "sip:[2001:db8::1]:5060"));
  EXPECT_FALSE(host_matches("2001:db8::1", "sip:[2001:db8::1]"));
}

TEST_F(RouteTableTest, OnlySipUrisHaveAHost) {
  EXPECT_FALSE(host_matches("~.", "tel:+4989123"));
  EXPECT_FALSE(host_matches("~.", "urn:service:sos"));
  EXPECT_TRUE(host_matches("", "tel:+4989123"));
}

TEST_F(RouteTableTest, AHeaderIsKnownByLongAndCompactNamesInAnyCase) {
  for (const std::string_view line : {"Subject: lunch\r\n", "SUBJECT : lunch \r\n", "s: lunch\r\n",
                                      "S:lunch\r\n", "subject:\r\n lunch\r\n"}) {
    EXPECT_TRUE(header_matches({"Subject", "lunch"}, line)) << line;
    EXPECT_TRUE(header_matches({"subject", "lunch"}, line)) << line;
    EXPECT_TRUE(header_matches({"s", "lunch"}, line)) << line;
  }
  EXPECT_FALSE(header_matches({"Subject", "lunch"}, "Subjects: lunch\r\n"));
  EXPECT_FALSE(header_matches({"Subject", "lunch"}, "Subject: Lunch\r\n"));
  EXPECT_FALSE(header_matches({"X-Mine", "*"}, "X-Yours: lunch\r\n"));
}

TEST_F(RouteTableTest, HeadersThatSiplbReadsMatchToo) {
  EXPECT_TRUE(header_matches({"From", "~alice"}, ""));
  EXPECT_TRUE(header_matches({"f", "~alice"}, ""));
  EXPECT_FALSE(header_matches({"Route", "*"}, ""));
}

TEST_F(RouteTableTest, AnyHeaderOfTheNameWillDo) {
  EXPECT_TRUE(header_matches({"User-Agent", "friendly*"},
                             "User-Agent: nice\r\nUser-Agent: friendly-scanner\r\n"));
  EXPECT_FALSE(header_matches({"User-Agent", "friendly*"},
                              "User-Agent: nice\r\nUser-Agent: unfriendly\r\n"));
}

TEST_F(RouteTableTest, CountsTheExpressionsThatWereMatched) {
  const std::vector<RouteOptions> routes = {
      {.name = "other", .methods = bit(sip::Method::Bye), .request_user = "~alice"},
      {.name = "plain", .request_user = "al*", .request_host = "~x"},
      {.name = "two", .request_user = "~bob", .request_host = "~^example"},
      {.name = "late", .request_user = "~bob"}};
  EXPECT_EQ(chosen(routes, Arrived{}), "two");
  EXPECT_EQ(expressions_.value(), 2U);
}

TEST_F(RouteTableTest, AllocatesNothingButInExpressions) {
  const std::vector<RouteOptions> routes = {
      {.name = "user", .request_user = "x*"},
      {.name = "host", .request_host = "x"},
      {.name = "headers", .headers = {{"Subject", "x"}, {"From", "~^x"}}},
      {.name = "expression", .request_user = "~^x+(y|z)$"}};
  const std::string text =
      SipBuilder::request(sip::Method::Invite, "sip:%62ob@example.com").add("s", "x").str();
  sip::Message message;
  ASSERT_EQ(sip::scan(text, {}, message), sip::ScanStatus::Ok);
  const RouteTable table(routes);
  const uint64_t before = AllocGuard::allocations();
  AllocGuard::arm_this_thread();
  const auto position =
      table.select({.message = message, .method = sip::Method::Invite}, expressions_);
  AllocGuard::disarm_this_thread();
  EXPECT_EQ(position, std::nullopt);
  EXPECT_EQ(AllocGuard::allocations(), before);
}

TEST(ExpressionCountTest, CountsWhatIsToBeCompiled) {
  EXPECT_EQ(expression_count({}), 0U);
  const std::vector<RouteOptions> routes = {
      {.request_user = "~a", .request_host = "b"},
      {.request_host = "~c", .headers = {{"X", "~d"}, {"Y", "e*"}, {"Z", "~f"}}}};
  EXPECT_EQ(expression_count(routes), 4U);
}

}  // namespace
}  // namespace siplb::proxy
