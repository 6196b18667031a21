#include "net/tcp_listener.h"

#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include "support/loopback_tcp.h"

namespace siplb::net {
namespace {

using Family = SockAddress::Family;

// No descriptor is left while this lives, beyond those that are open.
class NoDescriptors {
 public:
  NoDescriptors() {
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    rlimit none = before_;
    none.rlim_cur = 0;
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;
  ~NoDescriptors() { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0); }

 private:
  rlimit before_{};
};

// All descriptors below the limit are taken while this lives: one that is closed is free again.
class LastDescriptors {
 public:
  LastDescriptors() {
    taken_.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0);
    rlimit few = before_;
    few.rlim_cur = static_cast<rlim_t>(taken_.front().get()) + 16;
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    for (;;) {
      FileDescriptor next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      if (!next.is_open()) break;
      taken_.push_back(std::move(next));
    }
  }
  LastDescriptors(const LastDescriptors&) = delete;
  LastDescriptors& operator=(const LastDescriptors&) = delete;
  ~LastDescriptors() { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0); }

 private:
  rlimit before_{};
  std::vector<FileDescriptor> taken_;
};

class TcpListenerTest : public testing::TestWithParam<Family> {
 protected:
  void SetUp() override {
    if (GetParam() == Family::V6 && !test::has_ipv6_loopback()) {
      GTEST_SKIP() << "this host has no IPv6 loopback address";
    }
    auto opened = TcpListener::open({.address = test::loopback(GetParam())});
    ASSERT_TRUE(opened);
    listener_.emplace(std::move(*opened));
  }

  FileDescriptor client() { return test::connect_plain(listener_->address()); }

  // Once a connection is there.
  Accepted accept() {
    EXPECT_TRUE(test::wait_readable(listener_->fd()));
    return listener_->accept();
  }

  std::optional<TcpListener> listener_;
};

INSTANTIATE_TEST_SUITE_P(Loopback, TcpListenerTest, testing::Values(Family::V4, Family::V6),
                         [](const auto& family) {
                           return family.param == Family::V4 ? "Ipv4" : "Ipv6";
                         });

TEST_P(TcpListenerTest, AcceptsUntilNoneWaits) {
  ASSERT_TRUE(listener_->listen());
  EXPECT_EQ(listener_->accept().status, AcceptStatus::Drained);
  const FileDescriptor first = client();
  const FileDescriptor second = client();
  for (const FileDescriptor* each : {&first, &second}) {
    Accepted accepted = accept();
    ASSERT_EQ(accepted.status, AcceptStatus::Accepted);
    EXPECT_EQ(accepted.remote, test::address_of(each->get()));
    EXPECT_EQ(accepted.socket.local_address(), listener_->address());
    test::send_all(each->get(), "hello");
    EXPECT_TRUE(test::wait_readable(accepted.socket.fd()));
    std::string octets(5, '\0');
    EXPECT_EQ(accepted.socket.read(octets).octets, 5U);
    EXPECT_EQ(octets, "hello");
  }
  EXPECT_EQ(listener_->accept().status, AcceptStatus::Drained);
}

TEST_P(TcpListenerTest, RefusesConnectionsBeforeItListens) {
  EXPECT_FALSE(client().is_open());
  ASSERT_TRUE(listener_->listen());
  EXPECT_TRUE(client().is_open());
}

TEST_P(TcpListenerTest, ListensTwiceAsOnce) {
  ASSERT_TRUE(listener_->listen());
  const FileDescriptor waiting = client();
  ASSERT_TRUE(listener_->listen());
  EXPECT_EQ(accept().status, AcceptStatus::Accepted);
}

TEST_P(TcpListenerTest, AcceptedConnectionsHaveTheStreamOptions) {
  ASSERT_TRUE(listener_->listen());
  const FileDescriptor waiting = client();
  const Accepted accepted = accept();
  ASSERT_EQ(accepted.status, AcceptStatus::Accepted);
  struct Case {
    const char* description;
    int level;
    int name;
    int value;
  };
  for (const Case& c : {
           Case{"no delay", IPPROTO_TCP, TCP_NODELAY, 1},
           Case{"little unsent", IPPROTO_TCP, TCP_NOTSENT_LOWAT, 65536},
           Case{"keep-alive", SOL_SOCKET, SO_KEEPALIVE, 1},
           Case{"first probe", IPPROTO_TCP, TCP_KEEPIDLE, 60},
           Case{"next probe", IPPROTO_TCP, TCP_KEEPINTVL, 10},
           Case{"number of probes", IPPROTO_TCP, TCP_KEEPCNT, 6},
           Case{"unacknowledged", IPPROTO_TCP, TCP_USER_TIMEOUT, 120000},
       }) {
    int value = -1;
    socklen_t length = sizeof value;
    ASSERT_EQ(::getsockopt(accepted.socket.fd(), c.level, c.name, &value, &length), 0);
    EXPECT_EQ(value, c.value) << c.description;
  }
  EXPECT_NE(::fcntl(accepted.socket.fd(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(accepted.socket.fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_P(TcpListenerTest, TellsOfAConnectionThatWasResetWhileItWaited) {
  ASSERT_TRUE(listener_->listen());
  TcpSocket::adopt(client()).reset();
  const FileDescriptor next = client();
  // Linux gives it all the same, and says so at the first read.
  Accepted broken = accept();
  ASSERT_EQ(broken.status, AcceptStatus::Accepted);
  std::string octets(1, '\0');
  EXPECT_EQ(broken.socket.read(octets).status, StreamStatus::Failed);
  EXPECT_EQ(accept().remote, test::address_of(next.get()));
}

TEST_P(TcpListenerTest, RefusesWithTheReserveForWantOfADescriptor) {
  ASSERT_TRUE(listener_->listen());
  const FileDescriptor first = client();
  const FileDescriptor second = client();
  ASSERT_TRUE(test::wait_readable(listener_->fd()));
  {
    const LastDescriptors none_left;
    EXPECT_EQ(listener_->accept().status, AcceptStatus::NoDescriptor);
    EXPECT_EQ(listener_->accept().status, AcceptStatus::NoDescriptor);
    EXPECT_EQ(listener_->accept().status, AcceptStatus::Drained);
  }
  EXPECT_EQ(test::ending_of(first.get()), ECONNRESET);
  EXPECT_EQ(test::ending_of(second.get()), ECONNRESET);
  const FileDescriptor third = client();
  EXPECT_EQ(accept().status, AcceptStatus::Accepted);
}

TEST_P(TcpListenerTest, IsStuckWithoutItsReserveAndRecovers) {
  ASSERT_TRUE(listener_->listen());
  const FileDescriptor waiting = client();
  ASSERT_TRUE(test::wait_readable(listener_->fd()));
  {
    // Not even the one that it frees may be taken again.
    const NoDescriptors none_left;
    EXPECT_EQ(listener_->accept().status, AcceptStatus::Stuck);
    EXPECT_EQ(listener_->accept().status, AcceptStatus::Stuck);
  }
  EXPECT_EQ(listener_->accept().status, AcceptStatus::Accepted);
}

TEST_P(TcpListenerTest, DoesNotListenWithoutAReserve) {
  const NoDescriptors none_left;
  const auto listening = listener_->listen();
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().code, ErrorCode::SocketOpen);
}

TEST_P(TcpListenerTest, IsStuckWhereAcceptFailsForGood) {
  EXPECT_EQ(listener_->accept().status, AcceptStatus::Stuck);
}

TEST_P(TcpListenerTest, DoesNotOpenWhereAnotherListens) {
  ASSERT_TRUE(listener_->listen());
  const auto second = TcpListener::open({.address = listener_->address()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::AddressInUse);
}

TEST_P(TcpListenerTest, OnlyOneOfTwoThatAreBoundListens) {
  auto second = TcpListener::open({.address = listener_->address()});
  ASSERT_TRUE(second);
  ASSERT_TRUE(listener_->listen());
  const auto listening = second->listen();
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().code, ErrorCode::AddressInUse);
}

TEST_P(TcpListenerTest, SharesThePortWhenItSaysSo) {
  ASSERT_TRUE(listener_->listen());
  ASSERT_TRUE(listener_->share_port());
  auto second = TcpListener::open({.address = listener_->address(), .reuse_port = true});
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->listen());
}

TEST_P(TcpListenerTest, OpensAgainWhileTheKernelRemembersConnections) {
  ASSERT_TRUE(listener_->listen());
  const SockAddress address = listener_->address();
  const FileDescriptor waiting = client();
  // Ended by us first, so that our end of it stays in TIME_WAIT.
  accept().socket.close();
  EXPECT_EQ(test::ending_of(waiting.get()), 0);
  ASSERT_EQ(::shutdown(waiting.get(), SHUT_WR), 0);
  listener_.reset();
  auto again = TcpListener::open({.address = address});
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->listen());
}

TEST_P(TcpListenerTest, BindsToAnAddressThatIsNotHereOnlyIfTold) {
  const SockAddress absent = test::absent(GetParam());
  const auto refused = TcpListener::open({.address = absent});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::SocketBind);
  EXPECT_TRUE(TcpListener::open({.address = absent, .free_bind = true}));
}

TEST_P(TcpListenerTest, AdoptsAListeningSocketWithWhatWaits) {
  ASSERT_TRUE(listener_->listen());
  const SockAddress bound = listener_->address();
  const FileDescriptor waiting = client();
  FileDescriptor stored(::dup(listener_->fd()));
  listener_.reset();
  auto adopted = TcpListener::adopt(std::move(stored), {.address = bound.with_port(0)});
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->address(), bound);
  ASSERT_TRUE(adopted->listen());
  ASSERT_TRUE(test::wait_readable(adopted->fd()));
  EXPECT_EQ(adopted->accept().status, AcceptStatus::Accepted);
  EXPECT_EQ(adopted->accept().status, AcceptStatus::Drained);
}

TEST_P(TcpListenerTest, AdoptsOnlyAListeningTcpSocketOfTheAddress) {
  const SockAddress any_port = test::loopback(GetParam());
  struct Case {
    const char* description;
    FileDescriptor stored;
    SockAddress wanted;
  };
  ASSERT_TRUE(listener_->listen());
  const SockAddress own = listener_->address();
  std::vector<Case> cases;
  cases.push_back({"UDP", test::open_plain(any_port), any_port});
  cases.push_back({"not listening", test::open_plain(any_port, SOCK_STREAM), any_port});
  cases.push_back({"connected", client(), any_port});
  cases.push_back({"another address", FileDescriptor(::dup(listener_->fd())),
                   test::absent(GetParam()).with_port(own.port())});
  cases.push_back({"another port", FileDescriptor(::dup(listener_->fd())), own.with_port(1)});
  cases.push_back({"no socket", FileDescriptor(::open("/dev/null", O_RDONLY)), any_port});
  cases.push_back({"nothing", FileDescriptor(), any_port});
  for (Case& c : cases) {
    EXPECT_FALSE(TcpListener::adopt(std::move(c.stored), {.address = c.wanted})) << c.description;
  }
  EXPECT_TRUE(TcpListener::adopt(FileDescriptor(::dup(listener_->fd())), {.address = own}));
}

TEST(TcpListenerIpv6Test, DoesNotAdoptOneThatTakesIpv4Too) {
  if (!test::has_ipv6_loopback()) GTEST_SKIP() << "this host has no IPv6 loopback address";
  FileDescriptor both = test::open_plain(test::wildcard(Family::V6), SOCK_STREAM);
  ASSERT_EQ(::listen(both.get(), 4), 0);
  const auto adopted = TcpListener::adopt(std::move(both), {.address = test::wildcard(Family::V6)});
  ASSERT_FALSE(adopted);
  EXPECT_EQ(adopted.error().code, ErrorCode::SocketOption);
}

}  // namespace
}  // namespace siplb::net
