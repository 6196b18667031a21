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

}  // namespace
}  // namespace siplb::net
