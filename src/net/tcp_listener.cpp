#include "net/tcp_listener.h"

#include <cerrno>

#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "net/socket_calls.h"

namespace siplb::net {
namespace {

// Any descriptor serves; this one needs no file system.
FileDescriptor open_reserve() {
  return FileDescriptor(::eventfd(0, EFD_CLOEXEC));
}

// Errors of a connection that ended, or failed, before it was taken: see accept(2).
bool concerns_connection(int error) {
  switch (error) {
    case ECONNABORTED:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case EINTR:
    case ENETDOWN:
    case ENETUNREACH:
    case ENONET:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EPERM:
    case EPROTO:
    case ETIMEDOUT: return true;
    default: return false;
  }
}

bool is_want_of_descriptor(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Result<TcpListener> TcpListener::open(const TcpListenerOptions& options) {
  const int family = options.address.is_v6() ? AF_INET6 : AF_INET;
  TcpListener opened(
      FileDescriptor(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  if (!opened.fd_.is_open()) return system_error(ErrorCode::SocketOpen);

  if (auto set = set_stream_options(opened.fd()); !set) return tl::unexpected(set.error());
  if (auto set = set_option(opened.fd(), SOL_SOCKET, SO_REUSEADDR, 1); !set) {
    return tl::unexpected(set.error());
  }
  auto bound = bind_to(opened.fd(), {.address = options.address,
                                     .reuse_port = options.reuse_port,
                                     .free_bind = options.free_bind});
  if (!bound) return tl::unexpected(bound.error());
  const auto address = bound_address(opened.fd());
  if (!address) return tl::unexpected(address.error());
  opened.address_ = *address;
  return opened;
}

Result<TcpListener> TcpListener::adopt(FileDescriptor fd, const TcpListenerOptions& options) {
  TcpListener adopted(std::move(fd));
  const auto protocol = get_option(adopted.fd(), SOL_SOCKET, SO_PROTOCOL);
  if (!protocol) return tl::unexpected(protocol.error());
  const auto listens = get_option(adopted.fd(), SOL_SOCKET, SO_ACCEPTCONN);
  if (!listens) return tl::unexpected(listens.error());
  if (*protocol != IPPROTO_TCP || *listens == 0) return plain_error(ErrorCode::SocketName);
  const auto address = adopt_bound(adopted.fd(), options.address);
  if (!address) return tl::unexpected(address.error());
  adopted.address_ = *address;
  if (auto set = set_stream_options(adopted.fd()); !set) return tl::unexpected(set.error());
  return adopted;
}

Result<void> TcpListener::share_port() {
  return set_option(fd(), SOL_SOCKET, SO_REUSEPORT, 1);
}

Result<void> TcpListener::listen() {
  if (!reserve_.is_open()) reserve_ = open_reserve();
  if (!reserve_.is_open()) return system_error(ErrorCode::SocketOpen);
  if (::listen(fd(), kBacklog) != 0) {
    return system_error(errno == EADDRINUSE ? ErrorCode::AddressInUse : ErrorCode::SocketBind);
  }
  return {};
}

Accepted TcpListener::accept() {
  for (size_t passed_over = 0; passed_over < kPassedOverMax; ++passed_over) {
    sockaddr_storage native{};
    socklen_t length = sizeof native;
    FileDescriptor taken(::accept4(fd(), reinterpret_cast<sockaddr*>(&native), &length,
                                   SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (taken.is_open()) {
      return {AcceptStatus::Accepted, TcpSocket::adopt(std::move(taken)),
              SockAddress::from(native)};
    }
    if (errno == EAGAIN) return {AcceptStatus::Drained, {}, {}};
    if (is_want_of_descriptor(errno)) return {refuse_next(), {}, {}};
    if (!concerns_connection(errno)) break;
  }
  return {AcceptStatus::Stuck, {}, {}};
}

// Takes the next connection with the descriptor in reserve. Another thread may be faster to take
// what we free: then the reserve is gone until one of the next calls can fill it again.
AcceptStatus TcpListener::refuse_next() {
  reserve_ = FileDescriptor();
  TcpSocket refused =
      TcpSocket::adopt(FileDescriptor(::accept4(fd(), nullptr, nullptr, SOCK_CLOEXEC)));
  const int error = errno;
  const bool was_taken = refused.is_open();
  if (was_taken) refused.reset();
  reserve_ = open_reserve();
  if (was_taken) return AcceptStatus::NoDescriptor;
  return error == EAGAIN ? AcceptStatus::Drained : AcceptStatus::Stuck;
}

}  // namespace siplb::net
