#include "base/network.h"

#include <gtest/gtest.h>

namespace siplb {
namespace {

SockAddress ip(std::string_view text, uint16_t port = 0) {
  return SockAddress::parse_ip(text, port).value();
}

TEST(NetworkTest, HoldsItsAddressesWhateverThePort) {
  const auto network = Network::parse("10.1.0.0/16");
  ASSERT_TRUE(network);
  EXPECT_TRUE(network->contains(ip("10.1.0.0")));
  EXPECT_TRUE(network->contains(ip("10.1.255.255", 5060)));
  EXPECT_FALSE(network->contains(ip("10.2.0.0")));
  EXPECT_FALSE(network->contains(ip("10.0.255.255")));
}

TEST(NetworkTest, MayEndWithinAnOctet) {
  const auto network = Network::parse("172.16.0.0/12");
  ASSERT_TRUE(network);
  EXPECT_TRUE(network->contains(ip("172.31.255.255")));
  EXPECT_FALSE(network->contains(ip("172.32.0.0")));
  EXPECT_FALSE(network->contains(ip("172.15.255.255")));
}

TEST(NetworkTest, OfNoBitsHoldsItsWholeFamily) {
  const auto v4 = Network::parse("0.0.0.0/0");
  ASSERT_TRUE(v4);
  EXPECT_TRUE(v4->contains(ip("203.0.113.1")));
  EXPECT_FALSE(v4->contains(ip("2001:db8::1")));
  EXPECT_FALSE(v4->contains(SockAddress{}));
}

TEST(NetworkTest, OfIpv6MayHaveAnyPrefix) {
  const auto network = Network::parse("2001:db8:8000::/33");
  ASSERT_TRUE(network);
  EXPECT_TRUE(network->contains(ip("2001:db8:ffff::1")));
  EXPECT_FALSE(network->contains(ip("2001:db8:7fff::1")));
  EXPECT_FALSE(network->contains(ip("10.0.0.1")));
}

TEST(NetworkTest, OfOneAddressNeedsNoPrefix) {
  for (const char* text : {"192.0.2.7", "192.0.2.7/32"}) {
    const auto network = Network::parse(text);
    ASSERT_TRUE(network) << text;
    EXPECT_TRUE(network->contains(ip("192.0.2.7"))) << text;
    EXPECT_FALSE(network->contains(ip("192.0.2.6"))) << text;
  }
}

TEST(NetworkTest, HoldsNothingByDefault) {
  EXPECT_FALSE(Network().contains(ip("10.0.0.1")));
  EXPECT_FALSE(Network().contains(SockAddress{}));
}

TEST(NetworkTest, RefusesWhatIsNoNetwork) {
  for (const char* text : {"", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x",
                           "10.0.0.0/ 8", "10.0.0.1/8", "10.0.0.0/31/1", "2001:db8::/129",
                           "2001:db8::1/64", "example.com/8", "10.0/8"}) {
    EXPECT_FALSE(Network::parse(text)) << text;
  }
}

TEST(NetworkTest, OneOfSeveralIsEnough) {
  const Network networks[] = {*Network::parse("10.0.0.0/8"), *Network::parse("192.0.2.0/24")};
  EXPECT_TRUE(any_contains(networks, ip("192.0.2.1")));
  EXPECT_FALSE(any_contains(networks, ip("198.51.100.1")));
  EXPECT_FALSE(any_contains({}, ip("10.0.0.1")));
}

}  // namespace
}  // namespace siplb
