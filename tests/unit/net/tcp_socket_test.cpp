#include "net/tcp_socket.h"

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include "support/loopback_tcp.h"

namespace siplb::net {
namespace {

using Family = SockAddress::Family;
using test::PlainListener;

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  EXPECT_EQ(::getsockopt(fd, level, name, &value, &length), 0);
  return value;
}

class TcpSocketTest : public testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    if (GetParam() == Family::V6 && !test::has_ipv6_loopback()) {
      GTEST_SKIP() << "this host has no IPv6 loopback address";
    }
    listener_.emplace(GetParam());
  }

  // Connects socket_ and peer_ with each other.
  void connect(const SockAddress& local = {}) {
    auto connected = TcpSocket::connect({.remote = listener_->address(), .local = local});
    ASSERT_TRUE(connected);
    socket_ = std::move(*connected);
    ASSERT_TRUE(test::wait_writable(socket_.fd()));
    ASSERT_EQ(socket_.take_error(), 0);
    peer_ = listener_->accept();
    ASSERT_TRUE(peer_.is_open());
  }

  StreamResult write(std::string_view octets) { return socket_.write({&octets, 1}); }

  // Once something waits, or the connection has ended.
  StreamResult read(size_t room = 1024) {
    EXPECT_TRUE(test::wait_readable(socket_.fd()));
    read_.resize(room);
    const StreamResult result = socket_.read(read_);
    read_.resize(result.octets);
    return result;
  }

  // Writes until the kernel takes no more, and returns how much it took.
  size_t write_until_blocked() {
    const std::string much(size_t{1} << 20, 'x');
    size_t written = 0;
    for (;;) {
      const StreamResult result = write(much);
      if (result.status != StreamStatus::Ok) {
        EXPECT_EQ(result.status, StreamStatus::Blocked);
        return written;
      }
      written += result.octets;
    }
  }

  std::optional<PlainListener> listener_;
  TcpSocket socket_;
  FileDescriptor peer_;
  std::string read_;
};

INSTANTIATE_TEST_SUITE_P(Loopback, TcpSocketTest, testing::Values(Family::V4, Family::V6),
                         [](const auto& family) {
                           return family.param == Family::V4 ? "Ipv4" : "Ipv6";
                         });

TEST_P(TcpSocketTest, WritesPiecesInTheirOrder) {
  connect();
  const std::array<std::string_view, 3> pieces{"INVITE ", "", "sip:bob"};
  const StreamResult result = socket_.write(pieces);
  EXPECT_EQ(result.status, StreamStatus::Ok);
  EXPECT_EQ(result.octets, 14U);
  EXPECT_EQ(test::receive(peer_.get(), 14), "INVITE sip:bob");
}

TEST_P(TcpSocketTest, WritesAsManyPiecesAsAreAllowed) {
  connect();
  const std::vector<std::string_view> pieces(TcpSocket::kPiecesMax, "ab");
  EXPECT_EQ(socket_.write(pieces).octets, 2 * TcpSocket::kPiecesMax);
  EXPECT_EQ(test::receive(peer_.get(), 2 * TcpSocket::kPiecesMax).substr(0, 4), "abab");
}

TEST_P(TcpSocketTest, ReadsWhatWaitsAndThenIsBlocked) {
  connect();
  test::send_all(peer_.get(), "SIP/2.0 200 OK");
  EXPECT_EQ(read(7).status, StreamStatus::Ok);
  EXPECT_EQ(read_, "SIP/2.0");
  EXPECT_EQ(read().octets, 7U);
  EXPECT_EQ(read_, " 200 OK");
  std::array<char, 1> room;
  EXPECT_EQ(socket_.read(room).status, StreamStatus::Blocked);
}

TEST_P(TcpSocketTest, SendsSmallWritesAtOnce) {
  connect();
  EXPECT_EQ(option(socket_.fd(), IPPROTO_TCP, TCP_NODELAY), 1);
}

TEST_P(TcpSocketTest, GivesUpAPeerThatVanished) {
  connect();
  EXPECT_EQ(option(socket_.fd(), SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(socket_.fd(), IPPROTO_TCP, TCP_KEEPIDLE), 60);
  EXPECT_EQ(option(socket_.fd(), IPPROTO_TCP, TCP_KEEPINTVL), 10);
  EXPECT_EQ(option(socket_.fd(), IPPROTO_TCP, TCP_KEEPCNT), 6);
  EXPECT_EQ(option(socket_.fd(), IPPROTO_TCP, TCP_USER_TIMEOUT), 120000);
}

TEST_P(TcpSocketTest, KernelHoldsLittleForAPeerThatDoesNotRead) {
  connect();
  const size_t written = write_until_blocked();
  EXPECT_GT(written, 0U);
  int unsent = 0;
  ASSERT_EQ(::ioctl(socket_.fd(), SIOCOUTQNSD, &unsent), 0);
  EXPECT_LE(unsent, kUnsentOctetsMax + 64 * 1024);
}

TEST_P(TcpSocketTest, WritesOnWhenThePeerReadsAgain) {
  connect();
  const size_t written = write_until_blocked();
  EXPECT_EQ(test::receive(peer_.get(), written).size(), written);
  ASSERT_TRUE(test::wait_writable(socket_.fd()));
  EXPECT_EQ(write("more").octets, 4U);
  EXPECT_EQ(test::receive(peer_.get(), 4), "more");
}

TEST_P(TcpSocketTest, ReadsTheEndAfterTheLastOctets) {
  connect();
  test::send_all(peer_.get(), "last");
  ASSERT_EQ(::shutdown(peer_.get(), SHUT_WR), 0);
  EXPECT_EQ(read().status, StreamStatus::Ok);
  EXPECT_EQ(read_, "last");
  EXPECT_EQ(read().status, StreamStatus::Ended);
  EXPECT_EQ(write("still heard").status, StreamStatus::Ok);
}

TEST_P(TcpSocketTest, FailsOnceThePeerHasResetIt) {
  connect();
  const linger none{.l_onoff = 1, .l_linger = 0};
  ASSERT_EQ(::setsockopt(peer_.get(), SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
  peer_ = FileDescriptor();
  EXPECT_EQ(read().status, StreamStatus::Failed);
  // Without a signal, which would end this process.
  EXPECT_EQ(write("x").status, StreamStatus::Failed);
}

TEST_P(TcpSocketTest, TellsOnceWhatWentWrong) {
  connect();
  const linger none{.l_onoff = 1, .l_linger = 0};
  ASSERT_EQ(::setsockopt(peer_.get(), SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
  peer_ = FileDescriptor();
  ASSERT_TRUE(test::wait_readable(socket_.fd()));
  EXPECT_EQ(socket_.take_error(), ECONNRESET);
  EXPECT_EQ(socket_.take_error(), 0);
}

TEST_P(TcpSocketTest, EndsWritingAndStillReads) {
  connect();
  EXPECT_EQ(write("last").octets, 4U);
  socket_.end_writing();
  EXPECT_EQ(test::receive(peer_.get(), 4), "last");
  EXPECT_EQ(test::ending_of(peer_.get()), 0);
  test::send_all(peer_.get(), "answer");
  EXPECT_EQ(read().octets, 6U);
}

TEST_P(TcpSocketTest, ResetTellsTheOtherEnd) {
  connect();
  socket_.reset();
  EXPECT_FALSE(socket_.is_open());
  EXPECT_EQ(test::ending_of(peer_.get()), ECONNRESET);
}

TEST_P(TcpSocketTest, CloseEndsItInGoodOrder) {
  connect();
  socket_.close();
  EXPECT_FALSE(socket_.is_open());
  EXPECT_EQ(test::ending_of(peer_.get()), 0);
}

TEST_P(TcpSocketTest, AdoptedConnectionReadsAndWrites) {
  FileDescriptor client = test::connect_plain(listener_->address());
  socket_ = TcpSocket::adopt(listener_->accept());
  ASSERT_TRUE(socket_.is_open());
  test::send_all(client.get(), "there");
  EXPECT_EQ(read().octets, 5U);
  EXPECT_EQ(write("back").octets, 4U);
  EXPECT_EQ(test::receive(client.get(), 4), "back");
}

TEST_P(TcpSocketTest, ConnectsFromTheGivenAddress) {
  const SockAddress local = test::loopbacks(GetParam()).back();
  connect(local.with_port(9));  // the port does not count
  EXPECT_TRUE(socket_.local_address().same_ip(local));
  EXPECT_NE(socket_.local_address().port(), 9);
  EXPECT_EQ(option(socket_.fd(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT), 1);
}

TEST_P(TcpSocketTest, KnowsItsOwnEnd) {
  connect();
  EXPECT_EQ(socket_.local_address(), test::address_of(socket_.fd()));
  EXPECT_EQ(TcpSocket().local_address().family(), Family::None);
}

TEST_P(TcpSocketTest, KnowsThatItLeadsToItself) {
  connect();
  EXPECT_FALSE(socket_.leads_to_itself());
  FileDescriptor fd = test::open_plain(test::loopback(GetParam()), SOCK_STREAM);
  sockaddr_storage native;
  const socklen_t length = test::address_of(fd.get()).to(native);
  EXPECT_NE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&native), length), 0);
  EXPECT_EQ(errno, EINPROGRESS);
  ASSERT_TRUE(test::wait_writable(fd.get()));
  EXPECT_TRUE(TcpSocket::adopt(std::move(fd)).leads_to_itself());
}

TEST_P(TcpSocketTest, DoesNotConnectFromAnAddressOfAnotherHost) {
  const auto connected =
      TcpSocket::connect({.remote = listener_->address(), .local = test::absent(GetParam())});
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, ErrorCode::SocketBind);
}

TEST_P(TcpSocketTest, HearsThatItIsRefused) {
  // Bound, so that nobody else has the port, and not listening.
  const FileDescriptor silent = test::open_plain(test::loopback(GetParam()), SOCK_STREAM);
  auto refused = TcpSocket::connect({.remote = test::address_of(silent.get())});
  // On loopback the refusal may be here at once.
  if (!refused) {
    EXPECT_EQ(refused.error().code, ErrorCode::SocketConnect);
    EXPECT_EQ(refused.error().sys_errno, ECONNREFUSED);
    return;
  }
  ASSERT_TRUE(test::wait_writable(refused->fd()));
  EXPECT_EQ(refused->take_error(), ECONNREFUSED);
}

TEST(TcpSocketErrorTest, CannotConnectToWhereNoStreamLeads) {
  const auto broadcast = TcpSocket::connect({.remote = test::unsendable(Family::V4)});
  ASSERT_FALSE(broadcast);
  EXPECT_EQ(broadcast.error().code, ErrorCode::SocketConnect);
}

}  // namespace
}  // namespace siplb::net
