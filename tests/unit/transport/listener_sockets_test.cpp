#include "transport/listener_sockets.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sip/lane_marker.h"
#include "support/loopback.h"
#include "support/loopback_tcp.h"
#include "support/taken_ports.h"

namespace siplb::transport {
namespace {

using Family = SockAddress::Family;
using sip::Transport;

class ListenerSocketsTest : public testing::TestWithParam<Family> {
 protected:
  static constexpr int kFirst = 800;

  void SetUp() override {
    if (GetParam() == Family::V6 && !test::has_ipv6_loopback()) {
      GTEST_SKIP() << "this host has no IPv6 loopback address";
    }
    options_ = {.name = "public", .address = test::loopback(GetParam()), .lanes = 4};
  }

  Result<ListenerSockets> open() { return open_listener_sockets(options_, inherited_); }

  // Hands the sockets, UDP first, to an imagined successor under these names, and closes our own.
  void store(ListenerSockets sockets, const std::vector<std::string>& names) {
    std::vector<int> fds;
    for (const auto& socket : sockets.by_lane) fds.push_back(socket.fd());
    for (const auto& socket : sockets.streams_by_lane) fds.push_back(socket.fd());
    ASSERT_EQ(fds.size(), names.size());
    std::string joined;
    for (size_t i = 0; i < names.size(); ++i) {
      const int fd = kFirst + static_cast<int>(i);
      ASSERT_EQ(::dup2(fds[i], fd), fd);
      joined += (i == 0 ? "" : ":") + names[i];
    }
    const std::string pid = std::to_string(::getpid());
    const std::string count = std::to_string(names.size());
    inherited_ = net::InheritedSockets::from(
        {.listen_pid = pid, .listen_fds = count, .listen_fdnames = joined}, kFirst);
  }

  std::vector<std::string> names(Transport transport = Transport::Udp) const {
    std::vector<std::string> names;
    for (size_t lane = 0; lane < options_.lanes; ++lane) {
      names.push_back(
          lane_socket_name({.listener = "public", .transport = transport, .lane = lane}));
    }
    return names;
  }

  std::vector<std::string> names_of_both() const {
    std::vector<std::string> both = names();
    for (const std::string& name : names(Transport::Tcp)) both.push_back(name);
    return both;
  }

  // Asks for both transports, or for TCP alone.
  void want_both() { options_.has_tcp = true; }
  void want_tcp_only() {
    options_.has_tcp = true;
    options_.has_udp = false;
  }

  ListenerSocketsOptions options_;
  net::InheritedSockets inherited_;
};

TEST_P(ListenerSocketsTest, AnAddressMayStandUnderAWildcardOfOurs) {
  const SockAddress own = options_.address;
  options_.address = GetParam() == Family::V4 ? SockAddress::v4(0, 0) : SockAddress::v6({}, 0);
  auto wildcard = open();
  ASSERT_TRUE(wildcard);
  options_.address = own.with_port(wildcard->address.port());
  const auto alone = open();
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().code, ErrorCode::AddressInUse);
  options_.is_udp_under_wildcard = true;
  const auto under = open();
  ASSERT_TRUE(under);
  EXPECT_EQ(under->address, options_.address);
  EXPECT_EQ(under->by_lane.size(), options_.lanes);
}

INSTANTIATE_TEST_SUITE_P(Loopback, ListenerSocketsTest, testing::Values(Family::V4, Family::V6),
                         [](const auto& family) {
                           return family.param == Family::V4 ? "Ipv4" : "Ipv6";
                         });

// Each lane gets the responses that name it, from whomever.
void expect_steered(const ListenerSockets& sockets, Family family) {
  ASSERT_TRUE(sockets.steering);
  for (uint8_t lane = 0; lane < sockets.by_lane.size(); ++lane) {
    const std::string response = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP lb;branch=z9hG4bK;slb=" +
                                 std::string(sip::lane_mark(lane).view()) + "\r\n" +
                                 std::string(200, 'x');
    test::Peer peer(family);
    peer.send(sockets.address, response);
    const int fd = sockets.by_lane[lane].fd();
    ASSERT_TRUE(test::wait_readable(fd)) << "lane " << lane;
    std::string text(response.size(), '\0');
    ASSERT_EQ(::recv(fd, text.data(), text.size(), 0), static_cast<ssize_t>(response.size()));
    EXPECT_EQ(text, response);
  }
}

TEST_P(ListenerSocketsTest, OpensOneSocketPerLaneOnOnePort) {
  const auto opened = open();
  ASSERT_TRUE(opened);
  EXPECT_FALSE(opened->is_adopted);
  ASSERT_EQ(opened->by_lane.size(), 4U);
  EXPECT_NE(opened->address.port(), 0);
  for (const auto& socket : opened->by_lane) EXPECT_EQ(socket.address(), opened->address);
}

TEST_P(ListenerSocketsTest, LaneGetsTheResponsesThatNameIt) {
  options_.lanes = 16;
  const auto opened = open();
  ASSERT_TRUE(opened);
  expect_steered(*opened, GetParam());
}

TEST_P(ListenerSocketsTest, OpensASingleLane) {
  options_.lanes = 1;
  const auto opened = open();
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->by_lane.size(), 1U);
  EXPECT_TRUE(opened->steering);
}

TEST_P(ListenerSocketsTest, RefusesAPortThatAnotherDaemonShares) {
  const auto first = open();
  ASSERT_TRUE(first);
  options_.address = first->address;
  const auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::AddressInUse);
}

TEST_P(ListenerSocketsTest, OpensAgainOnceThePortIsFree) {
  options_.address = open()->address;
  EXPECT_TRUE(open());
}

TEST_P(ListenerSocketsTest, GrantsEachLaneItsReceiveBuffer) {
  options_.receive_buffer_bytes = 65536;
  const auto opened = open();
  ASSERT_TRUE(opened);
  for (const auto& socket : opened->by_lane) EXPECT_EQ(socket.granted_receive_bytes(), 65536U);
}

TEST_P(ListenerSocketsTest, WildcardSendsOnlyFromAddressesOfThisHost) {
  struct Skipped : net::UdpErrorHandler {
    void on_icmp_error(const net::IcmpError&) override {}
    void on_send_error(const net::OutgoingDatagram&, int) override { ++count; }
    int count = 0;
  } skipped;
  options_.address = test::wildcard(GetParam());
  auto opened = open();
  ASSERT_TRUE(opened);
  const test::Peer peer(GetParam());
  const net::OutgoingDatagram foreign{"x", peer.address(), test::absent(GetParam())};
  for (auto& socket : opened->by_lane) EXPECT_EQ(socket.send({&foreign, 1}, skipped), 1U);
  EXPECT_EQ(skipped.count, 4);
}

TEST_P(ListenerSocketsTest, AdoptsAWholeSetByName) {
  auto opened = open();
  ASSERT_TRUE(opened);
  const SockAddress address = opened->address;
  // systemd gives them newest first.
  std::reverse(opened->by_lane.begin(), opened->by_lane.end());
  auto reversed = names();
  std::reverse(reversed.begin(), reversed.end());
  store(std::move(*opened), reversed);
  const auto adopted = open();
  ASSERT_TRUE(adopted);
  EXPECT_TRUE(adopted->is_adopted);
  EXPECT_EQ(adopted->address, address);
  ASSERT_EQ(adopted->by_lane.size(), 4U);
  expect_steered(*adopted, GetParam());
}

TEST_P(ListenerSocketsTest, AdoptedSocketsKeepWhatWasQueued) {
  options_.lanes = 1;
  auto opened = open();
  ASSERT_TRUE(opened);
  test::Peer peer(GetParam());
  peer.send(opened->address, "waiting");
  store(std::move(*opened), names());
  const auto adopted = open();
  ASSERT_TRUE(adopted);
  ASSERT_TRUE(test::wait_readable(adopted->by_lane[0].fd()));
}

TEST_P(ListenerSocketsTest, OpensAnewWhenTheStoredSetDoesNotFit) {
  struct Case {
    const char* description;
    std::vector<std::string> names;  // of four stored sockets
    size_t lanes;
  };
  for (const Case& c : {
           Case{"one name is missing",
                {"v1-public-udp-0", "v1-public-udp-1", "v1-public-udp-2", "v1-public-udp-4"},
                4},
           Case{"a lane more than we have", names(), 3},
           Case{"a lane less than we have", names(), 5},
           Case{"one is there twice",
                {"v1-public-udp-0", "v1-public-udp-1", "v1-public-udp-2", "v1-public-udp-2"},
                4},
       }) {
    options_.lanes = 4;
    options_.address = test::loopback(GetParam());
    auto stored = open();
    ASSERT_TRUE(stored) << c.description;
    options_.address = stored->address;
    store(std::move(*stored), c.names);
    options_.lanes = c.lanes;
    // The same port: so the stored ones must be closed by then.
    const auto opened = open();
    ASSERT_TRUE(opened) << c.description;
    EXPECT_FALSE(opened->is_adopted) << c.description;
    EXPECT_EQ(opened->by_lane.size(), c.lanes) << c.description;
    EXPECT_EQ(opened->address, options_.address) << c.description;
  }
}

TEST_P(ListenerSocketsTest, OpensAnewWhenOneIsBoundElsewhere) {
  auto stored = open();
  auto stranger = open();
  ASSERT_TRUE(stored && stranger);
  options_.address = stored->address;
  stored->by_lane[2] = std::move(stranger->by_lane[2]);
  store(std::move(*stored), names());
  const auto opened = open();
  ASSERT_TRUE(opened);
  EXPECT_FALSE(opened->is_adopted);
}

TEST_P(ListenerSocketsTest, LeavesTheSocketsOfOtherListenersAlone) {
  auto stored = open();
  ASSERT_TRUE(stored);
  store(std::move(*stored), {"v1-public-udp-1-udp-0", "v1-public-udp-1-udp-1",
                             "v1-public-udp-1-udp-2", "v1-public-udp-1-udp-3"});
  const auto opened = open();
  ASSERT_TRUE(opened);
  EXPECT_FALSE(opened->is_adopted);
  options_.name = "public-udp-1";
  const auto other = open();
  ASSERT_TRUE(other);
  EXPECT_TRUE(other->is_adopted);
}

// Connections reach all lanes, and only these: the kernel spreads them.
void expect_accepted_by_lanes(ListenerSockets& sockets) {
  std::vector<bool> reached(sockets.streams_by_lane.size(), false);
  for (int tries = 0; tries < 1000; ++tries) {
    const auto client = test::connect_plain(sockets.address);
    ASSERT_TRUE(client.is_open());
    for (size_t lane = 0; lane < reached.size(); ++lane) {
      if (sockets.streams_by_lane[lane].accept().status == net::AcceptStatus::Accepted) {
        reached[lane] = true;
      }
    }
    if (std::find(reached.begin(), reached.end(), false) == reached.end()) return;
  }
  FAIL() << "a lane got no connection";
}

TEST_P(ListenerSocketsTest, OpensBothTransportsOfAllLanesOnOnePort) {
  want_both();
  auto opened = open();
  ASSERT_TRUE(opened);
  ASSERT_EQ(opened->by_lane.size(), 4U);
  ASSERT_EQ(opened->streams_by_lane.size(), 4U);
  EXPECT_NE(opened->address.port(), 0);
  for (const auto& socket : opened->by_lane) EXPECT_EQ(socket.address(), opened->address);
  for (const auto& socket : opened->streams_by_lane) EXPECT_EQ(socket.address(), opened->address);
  expect_accepted_by_lanes(*opened);
  expect_steered(*opened, GetParam());
}

TEST_P(ListenerSocketsTest, OpensOnlyTheTransportsAskedFor) {
  const auto udp = open();
  ASSERT_TRUE(udp);
  EXPECT_TRUE(udp->streams_by_lane.empty());
  want_tcp_only();
  auto tcp = open();
  ASSERT_TRUE(tcp);
  EXPECT_TRUE(tcp->by_lane.empty());
  EXPECT_TRUE(tcp->steering);
  EXPECT_EQ(tcp->streams_by_lane.size(), 4U);
  expect_accepted_by_lanes(*tcp);
}

TEST_P(ListenerSocketsTest, TriesAnotherPortWhereTcpHasNotTheOneOfUdp) {
  want_both();
  test::tcp_ports_taken = kPortTriesMax - 1;
  auto opened = open();
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->by_lane.front().address(), opened->streams_by_lane.front().address());
}

TEST_P(ListenerSocketsTest, GivesUpAfterSomePorts) {
  want_both();
  test::tcp_ports_taken = kPortTriesMax;
  const auto opened = open();
  EXPECT_EQ(test::tcp_ports_taken, 0U);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::AddressInUse);
}

TEST_P(ListenerSocketsTest, TriesAGivenPortOnce) {
  want_both();
  options_.address = open()->address;
  test::tcp_ports_taken = 2;
  EXPECT_FALSE(open());
  EXPECT_EQ(test::tcp_ports_taken, 1U);
  test::tcp_ports_taken = 0;
}

TEST_P(ListenerSocketsTest, RefusesATcpPortThatAnotherDaemonShares) {
  want_tcp_only();
  const auto first = open();
  ASSERT_TRUE(first);
  options_.address = first->address;
  const auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::AddressInUse);
}

TEST_P(ListenerSocketsTest, OpensAgainWhileTheKernelRemembersConnections) {
  want_tcp_only();
  options_.lanes = 1;
  {
    auto opened = open();
    ASSERT_TRUE(opened);
    options_.address = opened->address;
    const auto client = test::connect_plain(opened->address);
    ASSERT_TRUE(test::wait_readable(opened->streams_by_lane[0].fd()));
    // Ended by us first, so that our end of it stays in TIME_WAIT.
    opened->streams_by_lane[0].accept().socket.close();
    EXPECT_EQ(test::ending_of(client.get()), 0);
  }
  options_.lanes = 4;
  EXPECT_TRUE(open());
}

TEST_P(ListenerSocketsTest, TcpMayStandUnderAWildcardOfOurs) {
  want_tcp_only();
  const SockAddress own = options_.address;
  options_.address = test::wildcard(GetParam());
  auto wildcard = open();
  ASSERT_TRUE(wildcard);
  options_.address = own.with_port(wildcard->address.port());
  const auto alone = open();
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().code, ErrorCode::AddressInUse);
  options_.is_tcp_under_wildcard = true;
  auto under = open();
  ASSERT_TRUE(under);
  expect_accepted_by_lanes(*under);
}

TEST_P(ListenerSocketsTest, AdoptsBothTransports) {
  want_both();
  auto opened = open();
  ASSERT_TRUE(opened);
  const SockAddress address = opened->address;
  store(std::move(*opened), names_of_both());
  auto adopted = open();
  ASSERT_TRUE(adopted);
  EXPECT_TRUE(adopted->is_adopted);
  EXPECT_EQ(adopted->address, address);
  ASSERT_EQ(adopted->by_lane.size(), 4U);
  ASSERT_EQ(adopted->streams_by_lane.size(), 4U);
  expect_accepted_by_lanes(*adopted);
}

TEST_P(ListenerSocketsTest, AdoptedListenersKeepTheConnectionsThatWaited) {
  want_tcp_only();
  options_.lanes = 1;
  auto opened = open();
  ASSERT_TRUE(opened);
  const auto client = test::connect_plain(opened->address);
  store(std::move(*opened), names(Transport::Tcp));
  auto adopted = open();
  ASSERT_TRUE(adopted);
  EXPECT_TRUE(adopted->is_adopted);
  net::TcpListener& listener = adopted->streams_by_lane[0];
  ASSERT_TRUE(test::wait_readable(listener.fd()));
  EXPECT_EQ(listener.accept().remote, test::address_of(client.get()));
}

TEST_P(ListenerSocketsTest, AdoptsTheTransportWhoseSetIsWhole) {
  for (const bool whole_udp : {true, false}) {
    options_.address = test::loopback(GetParam());
    want_both();
    auto opened = open();
    ASSERT_TRUE(opened);
    const SockAddress address = opened->address;
    auto stored = names_of_both();
    // Lane 1 of the other one is not there.
    stored[whole_udp ? 5 : 1] += "0";
    const int inode_fd = whole_udp ? opened->by_lane[2].fd() : opened->streams_by_lane[2].fd();
    struct stat before {};
    ASSERT_EQ(::fstat(inode_fd, &before), 0);
    store(std::move(*opened), stored);
    const auto adopted = open();
    ASSERT_TRUE(adopted);
    EXPECT_FALSE(adopted->is_adopted);
    EXPECT_EQ(adopted->address, address);
    const int adopted_fd = whole_udp ? adopted->by_lane[2].fd() : adopted->streams_by_lane[2].fd();
    struct stat after {};
    ASSERT_EQ(::fstat(adopted_fd, &after), 0);
    EXPECT_EQ(after.st_ino, before.st_ino) << (whole_udp ? "UDP" : "TCP");
    EXPECT_EQ(adopted->by_lane.size(), 4U);
    EXPECT_EQ(adopted->streams_by_lane.size(), 4U);
  }
}

TEST_P(ListenerSocketsTest, AdoptsNoTcpOfAnotherPortThanThatOfUdp) {
  want_both();
  auto opened = open();
  auto other = open();
  ASSERT_TRUE(opened && other);
  const SockAddress address = opened->address;
  opened->streams_by_lane = std::move(other->streams_by_lane);
  store(std::move(*opened), names_of_both());
  const auto adopted = open();
  ASSERT_TRUE(adopted);
  EXPECT_FALSE(adopted->is_adopted);
  for (const auto& socket : adopted->by_lane) EXPECT_EQ(socket.address(), address);
  for (const auto& socket : adopted->streams_by_lane) EXPECT_EQ(socket.address(), address);
}

TEST(LaneSocketNameTest, NamesListenerTransportAndLane) {
  EXPECT_EQ(lane_socket_name({.listener = "public", .lane = 12}), "v1-public-udp-12");
  EXPECT_EQ(lane_socket_name({.listener = "in", .transport = Transport::Tcp, .lane = 0}),
            "v1-in-tcp-0");
}

}  // namespace
}  // namespace siplb::transport
