#include "health/probe_socket.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "net/socket_calls.h"
#include "support/loopback.h"

namespace siplb::health {
namespace {

using Family = SockAddress::Family;

TEST(ProbeSocketTest, MarksIpv4AsSignalling) {
  const auto fd = test::open_plain(test::loopback(Family::V4));
  mark_urgent(fd.get(), Family::V4);
  EXPECT_EQ(*net::get_option(fd.get(), IPPROTO_IP, IP_TOS), 0x60);
  EXPECT_EQ(*net::get_option(fd.get(), SOL_SOCKET, SO_PRIORITY), 6);
}

TEST(ProbeSocketTest, MarksIpv6AsSignalling) {
  if (!test::has_ipv6_loopback()) GTEST_SKIP() << "this host has no IPv6 loopback address";
  const auto fd = test::open_plain(test::loopback(Family::V6));
  mark_urgent(fd.get(), Family::V6);
  EXPECT_EQ(*net::get_option(fd.get(), IPPROTO_IPV6, IPV6_TCLASS), 0x60);
  EXPECT_EQ(*net::get_option(fd.get(), SOL_SOCKET, SO_PRIORITY), 6);
}

}  // namespace
}  // namespace siplb::health
