#include "net/udp_socket.h"

#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "net/datagram_batch.h"
#include "support/loopback.h"
#include "support/send_room.h"

namespace siplb::net {
namespace {

using Family = SockAddress::Family;
using test::numbered;
using test::Peer;
using test::RefusingPort;

struct Errors final : UdpErrorHandler {
  void on_icmp_error(const IcmpError& error) override {
    icmp.push_back(error);
    quotes.emplace_back(error.quote);
  }
  void on_send_error(const OutgoingDatagram& datagram, int sys_errno) override {
    skipped.emplace_back(datagram.octets, sys_errno);
  }

  std::vector<IcmpError> icmp;  // the quotes in it are void: see quotes
  std::vector<std::string> quotes;
  std::vector<std::pair<std::string, int>> skipped;
};

class UdpSocketTest : public testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    if (GetParam() == Family::V6 && !test::has_ipv6_loopback()) {
      GTEST_SKIP() << "this host has no IPv6 loopback address";
    }
    test::send_room.reset();
    socket_.emplace(open({.address = test::loopback(GetParam())}));
    batch_ = std::move(*DatagramBatch::reserve({.datagrams_max = 8, .octets_max = 4096}));
  }
  void TearDown() override { test::send_room.reset(); }

  static UdpSocket open(const UdpSocketOptions& options) {
    return std::move(*UdpSocket::open(options));
  }

  // All that waits, after at least one datagram has come.
  std::vector<std::string> receive_all() {
    EXPECT_TRUE(test::wait_readable(socket_->fd()));
    std::vector<std::string> texts;
    for (auto status = ReceiveStatus::Full; status == ReceiveStatus::Full;) {
      status = socket_->receive(*batch_, errors_);
      for (const auto& datagram : batch_->datagrams()) {
        texts.emplace_back(datagram.octets.begin(), datagram.octets.end());
      }
    }
    return texts;
  }

  // Leaves that many ICMP errors in the queue; straight by the kernel, since send() would drain.
  void provoke_errors(size_t count) {
    const RefusingPort refusing(GetParam());
    sockaddr_storage native;
    const socklen_t length = refusing.address().to(native);
    const auto* to = reinterpret_cast<const sockaddr*>(&native);
    for (size_t i = 0; i < count; ++i) {
      // The error of the one before makes every second call fail.
      if (::sendto(socket_->fd(), "x", 1, 0, to, length) == 1) continue;
      ASSERT_EQ(::sendto(socket_->fd(), "x", 1, 0, to, length), 1);
    }
    ASSERT_TRUE(test::wait_readable(socket_->fd()));  // POLLERR
  }

  std::optional<UdpSocket> socket_;
  std::unique_ptr<DatagramBatch> batch_;
  Errors errors_;
};

INSTANTIATE_TEST_SUITE_P(Loopback, UdpSocketTest, testing::Values(Family::V4, Family::V6),
                         [](const auto& family) {
                           return family.param == Family::V4 ? "Ipv4" : "Ipv6";
                         });

TEST_P(UdpSocketTest, SaysWhichPortTheKernelPicked) {
  EXPECT_NE(socket_->address().port(), 0);
  EXPECT_EQ(socket_->address(), test::address_of(socket_->fd()));
}

TEST_P(UdpSocketTest, RefusesAnAddressInUse) {
  const auto second = UdpSocket::open({.address = socket_->address()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::AddressInUse);
  const auto sharing = UdpSocket::open({.address = socket_->address(), .reuse_port = true});
  ASSERT_FALSE(sharing);
  EXPECT_EQ(sharing.error().code, ErrorCode::AddressInUse);
}

TEST_P(UdpSocketTest, SharesItsPortOnceToldTo) {
  ASSERT_TRUE(socket_->share_port());
  const auto second = UdpSocket::open({.address = socket_->address(), .reuse_port = true});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->address(), socket_->address());
}

TEST_P(UdpSocketTest, ReceivesAllThatWaitsAcrossBatches) {
  Peer peer(GetParam());
  const auto sent = numbered(20);
  for (const auto& text : sent) peer.send(socket_->address(), text);
  EXPECT_EQ(receive_all(), sent);
  EXPECT_EQ(batch_->datagrams()[0].remote, peer.address());
  EXPECT_EQ(socket_->receive(*batch_, errors_), ReceiveStatus::Drained);
  EXPECT_TRUE(batch_->datagrams().empty());
}

TEST_P(UdpSocketTest, SendsMoreThanOneBatchInOrder) {
  Peer peer(GetParam());
  const auto texts = numbered(2 * UdpSocket::kSendBatchMax + 7);
  std::vector<OutgoingDatagram> datagrams;
  for (const auto& text : texts) datagrams.push_back({text, peer.address()});
  EXPECT_EQ(socket_->send(datagrams, errors_), datagrams.size());
  EXPECT_EQ(peer.receive(texts.size()), texts);
  EXPECT_TRUE(errors_.skipped.empty());
}

TEST_P(UdpSocketTest, SendsNothingWhenGivenNothing) {
  EXPECT_EQ(socket_->send({}, errors_), 0U);
}

TEST_P(UdpSocketTest, StopsAtAFullBufferAndGoesOnLater) {
  Peer peer(GetParam());
  const auto texts = numbered(5);
  std::vector<OutgoingDatagram> datagrams;
  for (const auto& text : texts) datagrams.push_back({text, peer.address()});
  test::send_room = 2;
  EXPECT_EQ(socket_->send(datagrams, errors_), 2U);
  EXPECT_EQ(socket_->send(std::span(datagrams).subspan(2), errors_), 0U);
  test::send_room.reset();
  EXPECT_EQ(socket_->send(std::span(datagrams).subspan(2), errors_), 3U);
  EXPECT_EQ(peer.receive(5), texts);
}

TEST_P(UdpSocketTest, RefusalByOnePeerCostsNoMessageToAnother) {
  const RefusingPort refusing(GetParam());
  Peer peer(GetParam());
  const auto texts = numbered(100);
  for (size_t i = 0; i < texts.size(); ++i) {
    // Once from the middle of a batch and once from its front: the error surfaces at either.
    const std::array<OutgoingDatagram, 3> datagrams = {{
        {"to nobody", refusing.address()},
        {texts[i], peer.address()},
        {"to nobody", refusing.address()},
    }};
    ASSERT_EQ(socket_->send(datagrams, errors_), datagrams.size());
  }
  EXPECT_EQ(peer.receive(texts.size()), texts);
  socket_->drain_errors(errors_);
  EXPECT_GT(errors_.icmp.size(), 0U);
  EXPECT_TRUE(errors_.skipped.empty());
}

TEST_P(UdpSocketTest, PendingErrorCostsNoMessageThatArrived) {
  const RefusingPort refusing(GetParam());
  Peer peer(GetParam());
  const OutgoingDatagram lost{"to nobody", refusing.address()};
  ASSERT_EQ(socket_->send({&lost, 1}, errors_), 1U);
  peer.send(socket_->address(), "hello");
  EXPECT_EQ(receive_all(), std::vector<std::string>{"hello"});
  EXPECT_EQ(errors_.icmp.size(), 1U);
}

TEST_P(UdpSocketTest, ReportsWhatAnIcmpErrorSays) {
  const RefusingPort refusing(GetParam());
  const OutgoingDatagram lost{"OPTIONS sip:nobody SIP/2.0", refusing.address()};
  ASSERT_EQ(socket_->send({&lost, 1}, errors_), 1U);
  ASSERT_TRUE(test::wait_readable(socket_->fd()));  // POLLERR
  EXPECT_EQ(socket_->drain_errors(errors_), 1U);
  EXPECT_EQ(socket_->drain_errors(errors_), 0U);
  ASSERT_EQ(errors_.icmp.size(), 1U);
  const IcmpError& error = errors_.icmp[0];
  const bool v6 = GetParam() == Family::V6;
  EXPECT_EQ(error.sys_errno, ECONNREFUSED);
  EXPECT_EQ(error.type, v6 ? 1 : 3);
  EXPECT_EQ(error.code, v6 ? 4 : 3);
  EXPECT_EQ(error.destination, refusing.address());
  EXPECT_TRUE(error.offender.same_ip(test::loopback(GetParam())));
  EXPECT_EQ(errors_.quotes[0], lost.octets);
}

TEST_P(UdpSocketTest, DrainsNoMoreErrorsThanItsBudget) {
  provoke_errors(UdpSocket::kErrorsPerDrain + 10);
  EXPECT_EQ(socket_->drain_errors(errors_), UdpSocket::kErrorsPerDrain);
  EXPECT_EQ(socket_->drain_errors(errors_), 10U);
  EXPECT_EQ(errors_.icmp.size(), UdpSocket::kErrorsPerDrain + 10);
}

TEST_P(UdpSocketTest, MoreErrorsThanOneDrainTakesCostNoMessage) {
  Peer peer(GetParam());
  provoke_errors(2 * UdpSocket::kErrorsPerDrain);
  const OutgoingDatagram ours{"out", peer.address()};
  EXPECT_EQ(socket_->send({&ours, 1}, errors_), 1U);
  EXPECT_TRUE(errors_.skipped.empty());
  EXPECT_EQ(peer.receive(1), std::vector<std::string>{"out"});

  provoke_errors(UdpSocket::kErrorsPerDrain);
  peer.send(socket_->address(), "in");
  EXPECT_EQ(socket_->receive(*batch_, errors_), ReceiveStatus::Drained);
  EXPECT_EQ(batch_->datagrams().size(), 1U);
}

TEST_P(UdpSocketTest, SkipsExactlyTheMessageThatIsTooLong) {
  Peer peer(GetParam());
  const std::string endless(65536, 'x');
  const std::array<OutgoingDatagram, 3> datagrams = {
      {{"before", peer.address()}, {endless, peer.address()}, {"after", peer.address()}}};
  EXPECT_EQ(socket_->send(datagrams, errors_), 3U);
  EXPECT_EQ(peer.receive(2), (std::vector<std::string>{"before", "after"}));
  ASSERT_EQ(errors_.skipped.size(), 1U);
  EXPECT_EQ(errors_.skipped[0], std::pair(endless, EMSGSIZE));
}

TEST_P(UdpSocketTest, SkipsAMessageThatFailsAgainWhenTriedAgain) {
  Peer peer(GetParam());
  // Not of the kinds that are surely the message's own, so it is tried twice.
  const SockAddress outside = test::unsendable(GetParam());
  const int expected = GetParam() == Family::V6 ? ENETUNREACH : EACCES;
  const std::array<OutgoingDatagram, 3> datagrams = {
      {{"lost", outside}, {"lost too", outside}, {"kept", peer.address()}}};
  EXPECT_EQ(socket_->send(datagrams, errors_), 3U);
  EXPECT_EQ(peer.receive(1), std::vector<std::string>{"kept"});
  ASSERT_EQ(errors_.skipped.size(), 2U);
  EXPECT_EQ(errors_.skipped[0], std::pair(std::string("lost"), expected));
  EXPECT_EQ(errors_.skipped[1], std::pair(std::string("lost too"), expected));
}

TEST_P(UdpSocketTest, SendsOneDespiteAPendingErrorAndLeavesItToItsOwner) {
  provoke_errors(1);
  Peer peer(GetParam());
  EXPECT_EQ(socket_->send_one({"one", peer.address()}), 0);
  EXPECT_EQ(peer.receive(1), std::vector<std::string>{"one"});
  EXPECT_EQ(socket_->drain_errors(errors_), 1u);
}

TEST_P(UdpSocketTest, SaysWhyItDidNotSendOne) {
  const std::string too_long(size_t{1} << 16, 'x');
  Peer peer(GetParam());
  EXPECT_EQ(socket_->send_one({too_long, peer.address()}), EMSGSIZE);
  EXPECT_NE(socket_->send_one({"one", test::unsendable(GetParam())}), 0);
}

TEST_P(UdpSocketTest, SaysWhichAddressADatagramCameToOnAWildcard) {
  socket_.emplace(open({.address = test::wildcard(GetParam())}));
  Peer peer(GetParam());
  for (const SockAddress& ours : test::loopbacks(GetParam())) {
    peer.send(ours.with_port(socket_->address().port()), "hello");
    EXPECT_EQ(receive_all(), std::vector<std::string>{"hello"});
    EXPECT_EQ(batch_->datagrams()[0].local, ours);
    EXPECT_EQ(batch_->datagrams()[0].remote, peer.address());
  }
}

TEST_P(UdpSocketTest, SendsFromTheAddressThatADatagramNames) {
  socket_.emplace(open({.address = test::wildcard(GetParam())}));
  // A connected end takes datagrams only from the address that it speaks to.
  std::vector<Peer> peers;
  std::vector<OutgoingDatagram> datagrams;
  for (const SockAddress& ours : test::loopbacks(GetParam())) {
    peers.emplace_back(GetParam());
    peers.back().connect(ours.with_port(socket_->address().port()));
    datagrams.push_back({"hello", peers.back().address(), ours});
  }
  EXPECT_EQ(socket_->send(datagrams, errors_), datagrams.size());
  for (Peer& peer : peers) EXPECT_EQ(peer.receive(1), std::vector<std::string>{"hello"});
}

TEST_P(UdpSocketTest, OneBatchServesWildcardAndBoundSocketsInTurn) {
  const SockAddress ours = test::loopback(GetParam());
  auto any = open({.address = test::wildcard(GetParam())});
  Peer peer(GetParam());
  for (int round = 0; round < 2; ++round) {
    peer.send(ours.with_port(any.address().port()), "to any");
    peer.send(socket_->address(), "to one");
    ASSERT_TRUE(test::wait_readable(any.fd()));
    EXPECT_EQ(any.receive(*batch_, errors_), ReceiveStatus::Drained);
    ASSERT_EQ(batch_->datagrams().size(), 1U);
    EXPECT_EQ(batch_->datagrams()[0].local, ours);
    EXPECT_EQ(receive_all(), std::vector<std::string>{"to one"});
    EXPECT_EQ(batch_->datagrams()[0].local, SockAddress());
    EXPECT_EQ(batch_->datagrams()[0].remote, peer.address());
  }
}

TEST_P(UdpSocketTest, SkipsOnlyWhatShouldLeaveFromAnAddressThatIsGone) {
  socket_.emplace(open({.address = test::wildcard(GetParam())}));
  Peer peer(GetParam());
  const std::array<OutgoingDatagram, 4> datagrams = {{
      {"before", peer.address()},
      {"lost", peer.address(), test::absent(GetParam())},
      {"lost too", peer.address(), test::absent(GetParam())},
      {"after", peer.address(), test::loopback(GetParam())},
  }};
  EXPECT_EQ(socket_->send(datagrams, errors_), datagrams.size());
  EXPECT_EQ(peer.receive(2), (std::vector<std::string>{"before", "after"}));
  ASSERT_EQ(errors_.skipped.size(), 2U);
  EXPECT_EQ(errors_.skipped[0].first, "lost");
  EXPECT_EQ(errors_.skipped[1].first, "lost too");
}

TEST_P(UdpSocketTest, ReportsTheReceiveBufferInTheUnitOfTheRequest) {
  const auto modest = open({.address = test::loopback(GetParam()), .receive_buffer_bytes = 32768});
  EXPECT_EQ(modest.granted_receive_bytes(), 32768U);
  const auto greedy =
      open({.address = test::loopback(GetParam()), .receive_buffer_bytes = 1U << 30});
  EXPECT_LT(greedy.granted_receive_bytes(), 1U << 30);
  EXPECT_GE(greedy.granted_receive_bytes(), modest.granted_receive_bytes());
}

TEST_P(UdpSocketTest, TellsKernelQueueAndDrops) {
  const auto small = open({.address = test::loopback(GetParam()), .receive_buffer_bytes = 4096});
  ASSERT_TRUE(small.memory());
  EXPECT_EQ(small.memory()->queued_bytes, 0U);
  EXPECT_EQ(small.memory()->drops, 0U);
  Peer peer(GetParam());
  const std::string octets(1000, 'x');
  for (int i = 0; i < 50; ++i) peer.send(small.address(), octets);
  EXPECT_TRUE(test::wait_readable(small.fd()));
  EXPECT_GT(small.memory()->queued_bytes, 0U);
  EXPECT_GT(small.memory()->drops, 0U);
}

TEST_P(UdpSocketTest, AdoptsWhatAnotherBound) {
  auto fd = test::open_plain(test::loopback(GetParam()));
  if (GetParam() == Family::V6) {
    // Only the bind can say so; see RefusesASocketOfBothFamilies.
    fd = FileDescriptor(::dup(socket_->fd()));
  }
  ASSERT_EQ(::fcntl(fd.get(), F_SETFL, 0), 0);
  const SockAddress address = test::address_of(fd.get());
  const auto adopted =
      UdpSocket::adopt(std::move(fd), {.address = address, .receive_buffer_bytes = 32768});
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->address(), address);
  EXPECT_EQ(adopted->granted_receive_bytes(), 32768U);
  EXPECT_NE(::fcntl(adopted->fd(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(::fcntl(adopted->fd(), F_GETFD), FD_CLOEXEC);
}

TEST_P(UdpSocketTest, AdoptsAnyPortWherePortZeroIsConfigured) {
  const auto adopted = UdpSocket::adopt(FileDescriptor(::dup(socket_->fd())),
                                        {.address = test::loopback(GetParam())});
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->address(), socket_->address());
}

TEST_P(UdpSocketTest, AdoptedWildcardSaysWhichAddressADatagramCameTo) {
  auto fd = FileDescriptor(::dup(open({.address = test::wildcard(GetParam())}).fd()));
  const bool v6 = GetParam() == Family::V6;
  const int off = 0;  // as a predecessor may have left it
  ASSERT_EQ(::setsockopt(fd.get(), v6 ? IPPROTO_IPV6 : IPPROTO_IP,
                         v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, &off, sizeof off),
            0);
  socket_.emplace(
      std::move(*UdpSocket::adopt(std::move(fd), {.address = test::wildcard(GetParam())})));
  Peer peer(GetParam());
  peer.send(test::loopback(GetParam()).with_port(socket_->address().port()), "hello");
  EXPECT_EQ(receive_all(), std::vector<std::string>{"hello"});
  EXPECT_EQ(batch_->datagrams()[0].local, test::loopback(GetParam()));
}

TEST_P(UdpSocketTest, RefusesToAdoptWhatIsBoundElsewhere) {
  const SockAddress address = socket_->address();
  const auto duplicate = [&] { return FileDescriptor(::dup(socket_->fd())); };
  const auto other_port = address.with_port(static_cast<uint16_t>(address.port() ^ 1));
  EXPECT_FALSE(UdpSocket::adopt(duplicate(), {.address = other_port}));
  const auto other_ip = *SockAddress::parse_ip(
      GetParam() == Family::V6 ? "2001:db8::1" : "127.0.0.2", address.port());
  EXPECT_FALSE(UdpSocket::adopt(duplicate(), {.address = other_ip}));
}

TEST_P(UdpSocketTest, RefusesToAdoptWhatIsNoUdpSocket) {
  auto stream = test::open_plain(test::loopback(GetParam()), SOCK_STREAM);
  const SockAddress address = test::address_of(stream.get());
  EXPECT_FALSE(UdpSocket::adopt(std::move(stream), {.address = address}));
  EXPECT_FALSE(UdpSocket::adopt(FileDescriptor(), {.address = address}));
}

TEST_P(UdpSocketTest, BindsToAnAbsentAddressOnlyWhenToldTo) {
  const SockAddress absent = test::absent(GetParam());
  const auto refused = UdpSocket::open({.address = absent});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::SocketBind);
  EXPECT_EQ(refused.error().sys_errno, EADDRNOTAVAIL);
  EXPECT_TRUE(UdpSocket::open({.address = absent, .free_bind = true}));
}

TEST(UdpSocketIpv6Test, RefusesASocketOfBothFamilies) {
  if (!test::has_ipv6_loopback()) GTEST_SKIP() << "this host has no IPv6 loopback address";
  auto both = test::open_plain(*SockAddress::parse_ip("::", 0));
  const SockAddress address = test::address_of(both.get());
  EXPECT_FALSE(UdpSocket::adopt(std::move(both), {.address = address}));
}

TEST(UdpSocketIpv6Test, LeavesIpv4ToOthers) {
  if (!test::has_ipv6_loopback()) GTEST_SKIP() << "this host has no IPv6 loopback address";
  const auto six = UdpSocket::open({.address = *SockAddress::parse_ip("::", 0)});
  ASSERT_TRUE(six);
  EXPECT_TRUE(
      UdpSocket::open({.address = *SockAddress::parse_ip("0.0.0.0", six->address().port())}));
}

}  // namespace
}  // namespace siplb::net
