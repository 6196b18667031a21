#include "net/local_address.h"

#include <gtest/gtest.h>

#include "support/loopback.h"

namespace siplb::net {
namespace {

using Family = SockAddress::Family;

TEST(LocalAddressTest, IsWhatTheKernelSendsFrom) {
  // The loopback network has one preferred source for all its addresses.
  const auto other = *SockAddress::parse("127.0.0.2:5060");
  EXPECT_EQ(source_towards(other), test::loopback(Family::V4));
  EXPECT_EQ(source_towards(other.with_port(0)), test::loopback(Family::V4));
}

TEST(LocalAddressTest, KnowsIpv6) {
  if (!test::has_ipv6_loopback()) GTEST_SKIP() << "this host has no IPv6 loopback address";
  const SockAddress loopback = test::loopback(Family::V6);
  EXPECT_EQ(source_towards(loopback.with_port(5060)), loopback);
}

TEST(LocalAddressTest, IsNothingWhereTheKernelDoesNotSend) {
  EXPECT_EQ(source_towards(test::unsendable(Family::V4)), SockAddress());
}

TEST(LocalAddressTest, IsOnTheWayWhereItsNetworkIs) {
  const auto server = *SockAddress::parse("127.0.0.11:5060");
  // Any address of the loopback network, though the kernel would send from 127.0.0.1.
  EXPECT_TRUE(is_on_way(*SockAddress::parse("127.0.0.5:5060"), server));
  EXPECT_FALSE(is_on_way(*SockAddress::parse("192.0.2.1:5060"), server));
  EXPECT_FALSE(is_on_way(test::loopback(Family::V4), test::unsendable(Family::V4)));
}

TEST(LocalAddressTest, IsOnThisHostOrNot) {
  EXPECT_TRUE(is_on_host(*SockAddress::parse("127.0.0.1:5060")));
  EXPECT_FALSE(is_on_host(*SockAddress::parse("192.0.2.1:5060")));
  EXPECT_FALSE(is_on_host({}));
}

}  // namespace
}  // namespace siplb::net
