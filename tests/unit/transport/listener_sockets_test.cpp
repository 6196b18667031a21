#include "transport/listener_sockets.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sip/lane_marker.h"
#include "support/loopback.h"

namespace siplb::transport {
namespace {

using Family = SockAddress::Family;

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

  // Hands the sockets to an imagined successor under these names, and closes our own.
  void store(ListenerSockets sockets, const std::vector<std::string>& names) {
    ASSERT_EQ(sockets.by_lane.size(), names.size());
    std::string joined;
    for (size_t i = 0; i < names.size(); ++i) {
      const int fd = kFirst + static_cast<int>(i);
      ASSERT_EQ(::dup2(sockets.by_lane[i].fd(), fd), fd);
      joined += (i == 0 ? "" : ":") + names[i];
    }
    const std::string pid = std::to_string(::getpid());
    const std::string count = std::to_string(names.size());
    inherited_ = net::InheritedSockets::from(
        {.listen_pid = pid, .listen_fds = count, .listen_fdnames = joined}, kFirst);
  }

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (size_t lane = 0; lane < options_.lanes; ++lane) {
      names.push_back(lane_socket_name("public", lane));
    }
    return names;
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
  options_.is_under_wildcard = true;
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

TEST(LaneSocketNameTest, NamesListenerTransportAndLane) {
  EXPECT_EQ(lane_socket_name("public", 12), "v1-public-udp-12");
}

}  // namespace
}  // namespace siplb::transport
