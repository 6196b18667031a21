#include "sip/uri.h"

#include <gtest/gtest.h>

#include "support/prefixes.h"

namespace siplb::sip {
namespace {

Uri parsed(std::string_view text) {
  Uri uri;
  EXPECT_TRUE(parse_uri(text, uri)) << text;
  return uri;
}

TEST(UriTest, TakesAllPartsApart) {
  const Uri uri = parsed("sip:alice:secret@example.com:5070;transport=tcp;lr?Subject=x&Priority=y");
  EXPECT_EQ(uri.scheme, Scheme::Sip);
  EXPECT_EQ(uri.user, "alice");
  EXPECT_EQ(uri.host, "example.com");
  EXPECT_EQ(uri.port, 5070);
  EXPECT_EQ(uri.params, "transport=tcp;lr");
  EXPECT_EQ(uri.headers, "Subject=x&Priority=y");
  EXPECT_EQ(uri.param("TRANSPORT"), "tcp");
  EXPECT_NE(uri.param("lr").data(), nullptr);
}

TEST(UriTest, NeedsNothingButAHost) {
  const Uri uri = parsed("sips:[2001:db8::1]");
  EXPECT_EQ(uri.scheme, Scheme::Sips);
  EXPECT_TRUE(uri.user.empty());
  EXPECT_EQ(uri.host, "[2001:db8::1]");
  EXPECT_EQ(uri.port, 0);
}

TEST(UriTest, ReadsTheSchemeInAnyCase) {
  EXPECT_EQ(parsed("SiP:example.com").scheme, Scheme::Sip);
  EXPECT_EQ(parsed("TEL:+4930123;phone-context=x").scheme, Scheme::Tel);
  EXPECT_EQ(parsed("urn:Service:sos").scheme, Scheme::UrnService);
  EXPECT_EQ(parsed("urn:uuid:1").scheme, Scheme::Other);
  EXPECT_EQ(parsed("soap.beep://192.0.2.1:3002").scheme, Scheme::Other);
}

TEST(UriTest, CallsTheRestHostWhereTheSchemeIsNotSip) {
  const Uri uri = parsed("tel:+4930123;phone-context=example.com");
  EXPECT_EQ(uri.host, "+4930123");
  EXPECT_EQ(uri.param("phone-context"), "example.com");
  EXPECT_EQ(parsed("urn:service:sos.fire").host, "service:sos.fire");
}

TEST(UriTest, LetsSemicolonAndQuestionMarkStandInTheUser) {
  const Uri uri = parsed("sip:user;par=u%40example.net?x@example.com;lr");
  EXPECT_EQ(uri.user, "user;par=u%40example.net?x");
  EXPECT_EQ(uri.host, "example.com");
  EXPECT_EQ(uri.params, "lr");
}

TEST(UriTest, LeavesEscapesAsTheyAre) {
  EXPECT_EQ(parsed("sip:sips%3Auser%40a@example.com").user, "sips%3Auser%40a");
}

TEST(UriTest, RefusesWhatIsMalformed) {
  for (const std::string_view text : {"",
                                      "sip",
                                      "sip:",
                                      ":host",
                                      "sip:@host",
                                      "sip:user@",
                                      "sip:user@:5060",
                                      "sip:host:",
                                      "sip:host:0",
                                      "sip:host:65536",
                                      "sip:host:4294972356",
                                      "sip:host:5o60",
                                      "sip:a@b@c",
                                      "sip:[2001:db8::1",
                                      "sip:[]",
                                      "sip:[::1]x",
                                      "sip:2001:db8::1",
                                      "sip:ho st",
                                      " sip:host",
                                      "sip:host\t",
                                      "<sip:host>",
                                      "sip:a\"b@host",
                                      "sip:ho\x01st",
                                      "sip:ho%41st",
                                      "tel:",
                                      "s p:host",
                                      "sip:host\x7f"}) {
    Uri uri;
    EXPECT_FALSE(parse_uri(text, uri)) << text;
  }
}

TEST(UriTest, TakesTheLargestPort) {
  EXPECT_EQ(parsed("sip:host:65535").port, 65535);
  EXPECT_EQ(parsed("sip:host:0000005060").port, 5060);
}

TEST(UriTest, EffectivePortFollowsSchemeAndTransport) {
  EXPECT_EQ(parsed("sip:host").effective_port(), 5060);
  EXPECT_EQ(parsed("sips:host").effective_port(), 5061);
  EXPECT_EQ(parsed("sip:host;transport=TLS").effective_port(), 5061);
  EXPECT_EQ(parsed("sip:host:7;transport=tls").effective_port(), 7);
}

TEST(UriTest, GivesALiteralHostAsAnAddress) {
  EXPECT_EQ(parsed("sip:a@192.0.2.1").literal(), SockAddress::parse("192.0.2.1:5060"));
  EXPECT_EQ(parsed("sip:[2001:db8::1]:7").literal(), SockAddress::parse("[2001:db8::1]:7"));
  EXPECT_FALSE(parsed("sip:example.com").literal());
}

TEST(UriTest, StaysInsideEveryPrefix) {
  test::for_each_prefix("sip:al:x@[2001:db8::1]:5070;transport=tcp;lr?a=b",
                        [](std::string_view prefix) {
                          Uri uri;
                          if (!parse_uri(prefix, uri)) return;
                          EXPECT_EQ(uri.text.data(), prefix.data());
                          EXPECT_FALSE(uri.host.empty()) << prefix;
                        });
}

NameAddr name_addr(std::string_view value) {
  NameAddr address;
  EXPECT_TRUE(parse_name_addr(value, address)) << value;
  return address;
}

TEST(NameAddrTest, TakesTheAddressOutOfBrackets) {
  const NameAddr address = name_addr("Alice A <sip:alice@example.com;lr> ; tag = 88");
  EXPECT_EQ(address.uri, "sip:alice@example.com;lr");
  EXPECT_EQ(address.param("tag"), "88");
}

TEST(NameAddrTest, IgnoresBracketsInAQuotedName) {
  const NameAddr address = name_addr(R"("<sip:x>;tag=1 \" <" <sip:alice@example.com>;tag=2)");
  EXPECT_EQ(address.uri, "sip:alice@example.com");
  EXPECT_EQ(address.param("tag"), "2");
}

TEST(NameAddrTest, GivesParametersToTheHeaderWhereThereAreNoBrackets) {
  const NameAddr address = name_addr("sip:alice@example.com;tag=88;x=\"<\"");
  EXPECT_EQ(address.uri, "sip:alice@example.com");
  EXPECT_EQ(address.param("tag"), "88");
}

TEST(NameAddrTest, TakesFoldingBetweenItsParts) {
  EXPECT_EQ(name_addr("\"A\"\r\n <sip:a@b>\r\n ;tag=1").param("tag"), "1");
}

TEST(NameAddrTest, TakesAStar) {
  EXPECT_EQ(name_addr("*").uri, "*");
}

TEST(NameAddrTest, RefusesWhatIsMalformed) {
  for (const std::string_view value :
       {"", " ", "<>", "\"Alice", "\"Alice\" sip:a@b", "Alice <sip:a@b", "\"Alice <sip:a@b>",
        "<sip:a@b> x", "<sip:a@b>, <sip:c@d>", "sip:a@b, sip:c@d", "sip:a @b", ";tag=1", "\"A\"",
        "\"A\";tag=1", "\"A\\"}) {
    NameAddr address;
    EXPECT_FALSE(parse_name_addr(value, address)) << value;
  }
}

TEST(NameAddrTest, StaysInsideEveryPrefix) {
  test::for_each_prefix(R"("A \"x" <sip:alice@example.com>;tag="1;2")",
                        [](std::string_view prefix) {
                          NameAddr address;
                          if (!parse_name_addr(prefix, address)) return;
                          EXPECT_EQ(address.uri, "sip:alice@example.com");
                        });
}

}  // namespace
}  // namespace siplb::sip
