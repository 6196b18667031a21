#include "net/tcp_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "net/socket_calls.h"

namespace siplb::net {
namespace {

StreamResult result_of(ssize_t moved) {
  if (moved >= 0) return {StreamStatus::Ok, static_cast<size_t>(moved)};
  return {errno == EAGAIN ? StreamStatus::Blocked : StreamStatus::Failed};
}

Result<void> bind_for_connect(int fd, const SockAddress& local) {
  // The kernel picks the port when it knows the remote end, so that one port serves many of them.
  if (auto set = set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1); !set) return set;
  return bind_to(fd, {.address = local.with_port(0)});
}

}  // namespace

Result<void> set_stream_options(int fd) {
  struct Option {
    int level;
    int name;
    int value;
  };
  const auto give_up = std::chrono::milliseconds(kGiveUpAfter).count();
  for (const Option& option : {
           Option{IPPROTO_TCP, TCP_NODELAY, 1},
           Option{IPPROTO_TCP, TCP_NOTSENT_LOWAT, kUnsentOctetsMax},
           Option{SOL_SOCKET, SO_KEEPALIVE, 1},
           Option{IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(kProbeAfter.count())},
           Option{IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(kProbeInterval.count())},
           Option{IPPROTO_TCP, TCP_KEEPCNT, kProbes},
           Option{IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(give_up)},
       }) {
    if (auto set = set_option(fd, option.level, option.name, option.value); !set) return set;
  }
  return {};
}

Result<TcpSocket> TcpSocket::connect(const TcpConnectOptions& options) {
  const int family = options.remote.is_v6() ? AF_INET6 : AF_INET;
  TcpSocket socket(FileDescriptor(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  if (!socket.is_open()) return system_error(ErrorCode::SocketOpen);

  if (auto set = set_stream_options(socket.fd()); !set) return tl::unexpected(set.error());
  if (options.local.family() != SockAddress::Family::None) {
    auto bound = bind_for_connect(socket.fd(), options.local);
    if (!bound) return tl::unexpected(bound.error());
  }
  sockaddr_storage native;
  const socklen_t length = options.remote.to(native);
  if (::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&native), length) != 0 &&
      errno != EINPROGRESS) {
    return system_error(ErrorCode::SocketConnect);
  }
  return socket;
}

TcpSocket TcpSocket::adopt(FileDescriptor fd) {
  return TcpSocket(std::move(fd));
}

int TcpSocket::take_error() {
  const auto error = get_option(fd(), SOL_SOCKET, SO_ERROR);
  return error ? *error : error.error().sys_errno;
}

SockAddress TcpSocket::local_address() const {
  const auto address = bound_address(fd());
  return address ? *address : SockAddress();
}

bool TcpSocket::leads_to_itself() const {
  sockaddr_storage native{};
  socklen_t length = sizeof native;
  return ::getpeername(fd(), reinterpret_cast<sockaddr*>(&native), &length) == 0 &&
         SockAddress::from(native) == local_address();
}

StreamResult TcpSocket::read(std::span<char> into) {
  SIPLB_DASSERT(!into.empty());
  const ssize_t received = ::recv(fd(), into.data(), into.size(), MSG_DONTWAIT);
  if (received == 0) return {StreamStatus::Ended};
  return result_of(received);
}

StreamResult TcpSocket::write(std::span<const std::string_view> pieces) {
  SIPLB_ASSERT(!pieces.empty());
  SIPLB_ASSERT(pieces.size() <= kPiecesMax);
  std::array<iovec, kPiecesMax> buffers;
  std::transform(pieces.begin(), pieces.end(), buffers.begin(), [](std::string_view piece) {
    return iovec{const_cast<char*>(piece.data()), piece.size()};
  });
  msghdr message{};
  message.msg_iov = buffers.data();
  message.msg_iovlen = pieces.size();
  return result_of(::sendmsg(fd(), &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

void TcpSocket::end_writing() {
  ::shutdown(fd(), SHUT_WR);
}

void TcpSocket::reset() {
  const linger none{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &none, sizeof none);
  close();
}

}  // namespace siplb::net
