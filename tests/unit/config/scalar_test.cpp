#include "config/scalar.h"

#include <gtest/gtest.h>

namespace siplb::config {
namespace {

using namespace std::chrono_literals;

TEST(ScalarTest, ReadsNumbersWhole) {
  EXPECT_EQ(parse_number("0"), 0U);
  EXPECT_EQ(parse_number("18446744073709551615"), UINT64_MAX);
  for (const std::string_view text :
       {"", "-1", "+1", " 1", "1 ", "01", "0x10", "1e3", "1.5", "18446744073709551616"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
}

TEST(ScalarTest, ReadsDurationsInEveryUnit) {
  EXPECT_EQ(parse_duration("500ms"), 500ms);
  EXPECT_EQ(parse_duration("0s"), 0s);
  EXPECT_EQ(parse_duration("5s"), 5s);
  EXPECT_EQ(parse_duration("2m"), 2min);
  EXPECT_EQ(parse_duration("4h"), 4h);
  EXPECT_EQ(parse_duration("60d"), 24h * 60);
  for (const std::string_view text :
       {"", "5", "s", "5 s", "5S", "1.5s", "1m30s", "-5s", "05s", "5us", "106751991168d"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(ScalarTest, ReadsSizesInEveryUnit) {
  EXPECT_EQ(parse_size("64KiB"), 65536U);
  EXPECT_EQ(parse_size("512MiB"), 536870912U);
  EXPECT_EQ(parse_size("2GiB"), 2147483648U);
  for (const std::string_view text :
       {"", "64", "KiB", "64KB", "64kib", "64 KiB", "1.5GiB", "17179869184GiB"}) {
    EXPECT_EQ(parse_size(text), std::nullopt) << text;
  }
}

TEST(ScalarTest, ReadsRatesPerSecond) {
  EXPECT_EQ(parse_rate("50/s"), 50U);
  EXPECT_EQ(parse_rate("0/s"), 0U);
  for (const std::string_view text : {"", "/s", "50", "50/", "50 /s", "50/m", "50/S", "5.5/s"}) {
    EXPECT_EQ(parse_rate(text), std::nullopt) << text;
  }
}

TEST(ScalarTest, WritesTheLargestUnitThatNeedsNoFraction) {
  EXPECT_EQ(duration_text(0ms), "0s");
  EXPECT_EQ(duration_text(1500ms), "1500ms");
  EXPECT_EQ(duration_text(90s), "90s");
  EXPECT_EQ(duration_text(120s), "2m");
  EXPECT_EQ(duration_text(48h), "2d");
  EXPECT_EQ(size_text(1000), "1000");
  EXPECT_EQ(size_text(65536), "64KiB");
  EXPECT_EQ(size_text(uint64_t{3} << 30), "3GiB");
}

TEST(ScalarTest, TakesNamesOfBoundedLength) {
  EXPECT_TRUE(is_name("a"));
  EXPECT_TRUE(is_name("pbx_1-Z"));
  EXPECT_TRUE(is_name(std::string(kNameLengthMax, 'a')));
  EXPECT_FALSE(is_name(std::string(kNameLengthMax + 1, 'a')));
  for (const std::string_view text : {"", "a b", "a/b", "a.b", "\xc3\xa4"}) {
    EXPECT_FALSE(is_name(text)) << text;
  }
}

TEST(ScalarTest, TakesHeaderNamesThatAreTokens) {
  EXPECT_TRUE(is_header_name("X-Tenant"));
  EXPECT_TRUE(is_header_name("a.!%*_+`'~1"));
  for (const std::string_view text : {"", "a b", "a:", "a\r\nb", "\xc3\xa4"}) {
    EXPECT_FALSE(is_header_name(text)) << text;
  }
}

TEST(ScalarTest, ReadsHeaderNamesAndTheirBeginnings) {
  EXPECT_EQ(parse_header_pattern("X-Tenant"), "X-Tenant");
  EXPECT_EQ(parse_header_pattern("X-*"), "X-*");
  EXPECT_EQ(parse_header_pattern("*"), "*");
  EXPECT_EQ(parse_header_pattern("S"), "Subject");
  EXPECT_EQ(parse_header_pattern("s*"), "s*");
  for (const std::string_view text : {"", "a b", "a:", "a*b", "**", "a**", "*a"}) {
    EXPECT_EQ(parse_header_pattern(text), std::nullopt) << text;
  }
}

TEST(ScalarTest, ReadsHashKeys) {
  using balance::HashKeyKind;
  EXPECT_EQ(parse_hash_key("call-id")->kind, HashKeyKind::CallId);
  EXPECT_EQ(parse_hash_key("from-user")->kind, HashKeyKind::FromUser);
  EXPECT_EQ(parse_hash_key("to-user")->kind, HashKeyKind::ToUser);
  EXPECT_EQ(parse_hash_key("request-user")->kind, HashKeyKind::RequestUser);
  EXPECT_EQ(parse_hash_key("source-ip")->kind, HashKeyKind::SourceIp);
  EXPECT_EQ(parse_hash_key("header:X-Y")->kind, HashKeyKind::HeaderValue);
  EXPECT_EQ(parse_hash_key("header:X-Y")->header, "X-Y");
  for (const std::string_view text : {"", "callid", "header", "header:", "header:a b"}) {
    EXPECT_FALSE(parse_hash_key(text)) << text;
  }
}

TEST(ScalarTest, TakesReasonsWithoutControlOctets) {
  EXPECT_TRUE(is_reason_phrase(""));
  EXPECT_TRUE(
      is_reason_phrase("Gespr\xc3\xa4"
                       "che gesperrt"));
  EXPECT_TRUE(is_reason_phrase(std::string(128, 'a')));
  EXPECT_FALSE(is_reason_phrase(std::string(129, 'a')));
  for (const std::string_view text : {"a\nb", "a\rb", "a\tb", "\x7f"}) {
    EXPECT_FALSE(is_reason_phrase(text)) << text;
  }
}

TEST(ScalarTest, TakesHostsAsTheyStandInMessages) {
  for (const std::string_view text :
       {"sip.example.com", "localhost", "203.0.113.10", "[2001:db8::1]"}) {
    EXPECT_EQ(parse_host(text), text);
  }
  for (const std::string_view text :
       {"", "a:5060", "10.0.0.1:5060", "[::1]:5060", "::1", "0.0.0.0", "[::]", "10.0.0.256"}) {
    EXPECT_EQ(parse_host(text), std::nullopt) << text;
  }
}

TEST(ScalarTest, TakesNameserversAtPort53UnlessTheySayAnother) {
  EXPECT_EQ(parse_nameserver("10.0.0.2"), SockAddress::parse("10.0.0.2:53"));
  EXPECT_EQ(parse_nameserver("127.0.0.1:5353"), SockAddress::parse("127.0.0.1:5353"));
  EXPECT_EQ(parse_nameserver("2001:db8::2"), SockAddress::parse("[2001:db8::2]:53"));
  EXPECT_EQ(parse_nameserver("[2001:db8::2]:5353"), SockAddress::parse("[2001:db8::2]:5353"));
  for (const std::string_view text : {"", "ns.example.com", "10.0.0.2:0", "10.0.0.2:", "0.0.0.0",
                                      "[::]:53", "224.0.0.251:5353", "fe80::1", "10.0.0.2 "}) {
    EXPECT_EQ(parse_nameserver(text), std::nullopt) << text;
  }
}

TEST(ScalarTest, TakesHostsWithAndWithoutPort) {
  for (const std::string_view text :
       {"sip.example.com", "sip.example.com:5060", "localhost", "a-b.c1", "203.0.113.10",
        "203.0.113.10:5060", "[2001:db8::1]", "[2001:db8::1]:65535"}) {
    EXPECT_TRUE(is_sent_by(text)) << text;
  }
  for (const std::string_view text :
       {"",           ":5060", "a:",         "a:0",       "a:65536",     "a:05060",
        "a:b",        "a b",   "a..b",       ".a",        "a.",          "-a",
        "a-",         "a_b",   "10.0.0.256", "10.0.0",    "2001:db8::1", "[2001:db8::1",
        "[10.0.0.1]", "[]",    "0.0.0.0",    "[::]:5060", "a;x=y",       "a\r\nb"}) {
    EXPECT_FALSE(is_sent_by(text)) << text;
  }
  EXPECT_TRUE(is_sent_by(std::string(63, 'a')));
  EXPECT_FALSE(is_sent_by(std::string(64, 'a')));
}

}  // namespace
}  // namespace siplb::config
