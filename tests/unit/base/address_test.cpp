#include "base/address.h"

#include <array>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include <arpa/inet.h>
#include <gtest/gtest.h>

namespace siplb {
namespace {

using Family = SockAddress::Family;

// From a heap block of exact size, so that the sanitizer sees a read beyond the text.
std::optional<SockAddress> parse_exactly(std::string_view text) {
  const auto block = std::make_unique<char[]>(text.size());
  text.copy(block.get(), text.size());
  return SockAddress::parse({block.get(), text.size()});
}

TEST(SockAddressTest, DefaultIsNoAddress) {
  const SockAddress none;
  EXPECT_EQ(none.family(), Family::None);
  EXPECT_TRUE(none.ip_octets().empty());
  EXPECT_EQ(none.ip_text(), "");
  EXPECT_FALSE(none.is_wildcard());
  EXPECT_FALSE(none.is_loopback());
}

TEST(SockAddressTest, ReadsAndWritesIpv4) {
  const auto address = parse_exactly("192.0.2.1:5060");
  ASSERT_TRUE(address);
  EXPECT_TRUE(address->is_v4());
  EXPECT_EQ(address->port(), 5060);
  EXPECT_EQ(*address, SockAddress::v4(0xC0000201, 5060));
  EXPECT_EQ(address->ip_octets(), std::string_view("\xC0\x00\x02\x01", 4));
  EXPECT_EQ(address->ip_text(), "192.0.2.1");
  EXPECT_EQ(address->host_text(), "192.0.2.1");
  EXPECT_EQ(address->text(), "192.0.2.1:5060");
}

TEST(SockAddressTest, ReadsAndWritesIpv6) {
  const auto address = parse_exactly("[2001:DB8:0::1]:5061");
  ASSERT_TRUE(address);
  EXPECT_TRUE(address->is_v6());
  EXPECT_EQ(address->port(), 5061);
  EXPECT_EQ(address->ip_octets().size(), 16u);
  EXPECT_EQ(address->ip_text(), "2001:db8::1");
  EXPECT_EQ(address->host_text(), "[2001:db8::1]");
  EXPECT_EQ(address->text(), "[2001:db8::1]:5061");
}

TEST(SockAddressTest, WritesTheLongestAddress) {
  constexpr std::string_view kLongest = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535";
  const auto address = parse_exactly(kLongest);
  ASSERT_TRUE(address);
  EXPECT_EQ(address->text(), kLongest);
}

TEST(SockAddressTest, ReadsALiteralWithoutPort) {
  EXPECT_EQ(SockAddress::parse_ip("10.0.0.1", 7), SockAddress::v4(0x0A000001, 7));
  EXPECT_EQ(SockAddress::parse_ip("::1", 7), SockAddress::parse_ip("[::1]", 7));
}

TEST(SockAddressTest, RefusesWhatIsNoLiteral) {
  for (const std::string_view text : {
           std::string_view(""),
           std::string_view("[]"),
           std::string_view("["),
           std::string_view("example.com"),
           std::string_view("10.0.0"),
           std::string_view("10.0.0.256"),
           std::string_view("10.0.0.1 "),
           std::string_view("[10.0.0.1]"),
           std::string_view("[::1"),
           std::string_view("::1]"),
           std::string_view("[[::1]]"),
           std::string_view("::ffff:10.0.0.1"),
           std::string_view("fe80::1%eth0"),
           std::string_view("10.0.0.1\0junk", 13),
           std::string_view("::1\0", 4),
           std::string_view("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
       }) {
    EXPECT_FALSE(SockAddress::parse_ip(text, 5060)) << '"' << text << '"';
  }
}

// Numbers and dots at random: what is no address must be none for the C library too, or two
// programs disagree about whom a message is for.
TEST(SockAddressTest, ReadsIpv4AsInetPtonDoes) {
  constexpr std::string_view kGroups[] = {"0",   "1",  "9",          "10",  "25",  "99",  "100",
                                          "199", "2",  "249",        "255", "256", "260", "1000",
                                          "00",  "01", "4294967296", "1 ",  "a",   "1:",  ""};
  std::mt19937 random(1);
  size_t accepted = 0;
  for (int round = 0; round < 200000; ++round) {
    std::string text;
    for (size_t groups = 3 + random() % 3; groups > 0; --groups) {
      text += kGroups[random() % std::size(kGroups)];
      if (groups > 1 || random() % 8 == 0) text += '.';
    }
    const auto block = std::make_unique<char[]>(text.size());
    text.copy(block.get(), text.size());
    const auto address = SockAddress::parse_ip({block.get(), text.size()}, 0);
    in_addr native;
    ASSERT_EQ(address.has_value(), inet_pton(AF_INET, text.c_str(), &native) == 1) << text;
    if (!address) continue;
    ASSERT_EQ(*address, SockAddress::v4(ntohl(native.s_addr), 0)) << text;
    ASSERT_EQ(SockAddress::parse_ip(address->ip_text(), 0), address) << text;
    ++accepted;
  }
  EXPECT_GT(accepted, 1000u);
}

TEST(SockAddressTest, WritesEveryOctetOfIpv4) {
  for (uint32_t octet = 0; octet <= 255; ++octet) {
    const SockAddress address = SockAddress::v4(octet << 24 | octet << 16 | octet << 8 | octet, 0);
    const std::string digits = std::to_string(octet);
    EXPECT_EQ(address.ip_text(), digits + "." + digits + "." + digits + "." + digits);
  }
}

TEST(SockAddressTest, RefusesABadPort) {
  for (const std::string_view text :
       {"10.0.0.1", "10.0.0.1:", "10.0.0.1:x", "10.0.0.1:+5", "10.0.0.1:-5", "10.0.0.1:5 ",
        "10.0.0.1:65536", "2001:db8::1:5060", "[::1]", "[::1]5060", "[::1]x:5060", ":5060", ":",
        ""}) {
    EXPECT_FALSE(parse_exactly(text)) << '"' << text << '"';
  }
}

TEST(SockAddressTest, GoesToTheKernelAndBack) {
  for (const std::string_view text : {"192.0.2.1:5060", "[2001:db8::1]:5060"}) {
    const auto address = SockAddress::parse(text);
    ASSERT_TRUE(address);
    sockaddr_storage native;
    const socklen_t length = address->to(native);
    EXPECT_EQ(length, address->is_v4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    EXPECT_EQ(SockAddress::from(native), *address);
  }
}

TEST(SockAddressTest, KernelFormIsInNetworkOrder) {
  sockaddr_storage native;
  ASSERT_EQ(SockAddress::v4(0xC0000201, 0x1234).to(native), sizeof(sockaddr_in));
  sockaddr_in in;
  std::memcpy(&in, &native, sizeof in);
  EXPECT_EQ(in.sin_family, AF_INET);
  EXPECT_EQ(in.sin_port, htons(0x1234));
  EXPECT_EQ(in.sin_addr.s_addr, htonl(0xC0000201));
}

TEST(SockAddressTest, TakesNoOtherFamilyFromTheKernel) {
  sockaddr_storage native{};
  native.ss_family = AF_UNIX;
  EXPECT_EQ(SockAddress::from(native).family(), Family::None);
}

TEST(SockAddressTest, WithPortChangesOnlyThePort) {
  const SockAddress address = SockAddress::v4(0x0A000001, 1);
  const SockAddress other = address.with_port(2);
  EXPECT_EQ(other.port(), 2);
  EXPECT_TRUE(other.same_ip(address));
  EXPECT_NE(other, address);
}

TEST(SockAddressTest, FamiliesNeverShareAnIp) {
  std::array<uint8_t, 16> octets{10, 0, 0, 1};
  EXPECT_FALSE(SockAddress::v6(octets, 5).same_ip(SockAddress::v4(0x0A000001, 5)));
}

TEST(SockAddressTest, KnowsWildcardAndLoopback) {
  const auto ip = [](std::string_view text) { return *SockAddress::parse_ip(text, 5060); };
  EXPECT_TRUE(ip("0.0.0.0").is_wildcard());
  EXPECT_TRUE(ip("::").is_wildcard());
  EXPECT_FALSE(ip("::1").is_wildcard());
  EXPECT_TRUE(ip("127.0.0.1").is_loopback());
  EXPECT_TRUE(ip("127.9.9.9").is_loopback());
  EXPECT_TRUE(ip("::1").is_loopback());
  EXPECT_FALSE(ip("128.0.0.1").is_loopback());
  EXPECT_FALSE(ip("::2").is_loopback());
  EXPECT_FALSE(ip("1::1").is_loopback());
}

TEST(SockAddressTest, KnowsPrivateNetworksToTheirLastAddress) {
  const auto is_private = [](std::string_view text) {
    return SockAddress::parse_ip(text, 5060)->is_private();
  };
  for (const std::string_view inside :
       {"10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0",
        "192.168.255.255", "100.64.0.0", "100.127.255.255",
        "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    EXPECT_TRUE(is_private(inside)) << inside;
  }
  for (const std::string_view outside :
       {"9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255",
        "192.169.0.0", "100.63.255.255", "100.128.0.0", "127.0.0.1", "169.254.0.1", "0.0.0.0",
        "fbff::", "fe00::", "fe80::1", "::1", "::", "2001:db8::1", "a00::"}) {
    EXPECT_FALSE(is_private(outside)) << outside;
  }
  EXPECT_FALSE(SockAddress{}.is_private());
}

TEST(SockAddressTest, KnowsLinkLocalNetworksToTheirLastAddress) {
  const auto is_link_local = [](std::string_view text) {
    return SockAddress::parse_ip(text, 5060)->is_link_local();
  };
  for (const std::string_view inside :
       {"169.254.0.0", "169.254.255.255", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    EXPECT_TRUE(is_link_local(inside)) << inside;
  }
  for (const std::string_view outside : {"169.253.255.255", "169.255.0.0", "168.254.0.0",
                                         "10.0.0.1", "fe7f::", "fec0::", "ff80::", "a9fe::"}) {
    EXPECT_FALSE(is_link_local(outside)) << outside;
  }
  EXPECT_FALSE(SockAddress{}.is_link_local());
}

TEST(SockAddressTest, HashFollowsAddressAndPort) {
  const SockAddress address = SockAddress::v4(0x0A000001, 5060);
  EXPECT_EQ(address.hash(), SockAddress::v4(0x0A000001, 5060).hash());
  EXPECT_NE(address.hash(), address.with_port(5061).hash());
  EXPECT_NE(address.hash(), SockAddress::v4(0x0A000002, 5060).hash());
}

TEST(SockAddressTest, OfOneHostIsNoneOfManyAndNoneOfNobody) {
  for (const char* text : {"10.0.0.1", "127.0.0.1", "198.51.100.7", "223.255.255.255", "::1",
                           "2001:db8::1", "fd00::1"}) {
    EXPECT_TRUE(SockAddress::parse_ip(text, 5060)->is_of_one_host()) << text;
  }
  for (const char* text : {"0.0.0.0", "0.1.2.3", "169.254.0.1", "224.0.1.75", "239.255.255.255",
                           "240.0.0.1", "255.255.255.255", "::", "fe80::1", "ff02::1"}) {
    EXPECT_FALSE(SockAddress::parse_ip(text, 5060)->is_of_one_host()) << text;
  }
  EXPECT_FALSE(SockAddress().is_of_one_host());
}

}  // namespace
}  // namespace siplb
