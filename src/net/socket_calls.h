// What sockets of every kind ask of the kernel in the same way. Thread: any.
#pragma once

#include <cerrno>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/result.h"

namespace siplb::net {

[[nodiscard]] inline Result<void> set_option(int fd, int level, int name, int value) {
  if (::setsockopt(fd, level, name, &value, sizeof value) != 0) {
    return system_error(ErrorCode::SocketOption);
  }
  return {};
}

[[nodiscard]] inline Result<int> get_option(int fd, int level, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  if (::getsockopt(fd, level, name, &value, &length) != 0) {
    return system_error(ErrorCode::SocketOption);
  }
  return value;
}

struct BindOptions {
  const SockAddress& address;
  bool reuse_port = false;  // share the port with others that say so
  bool free_bind = false;   // although the address is not (yet) on this host
};

// Fails with AddressInUse, SocketOption or SocketBind. IPv6 sockets take IPv6 only.
[[nodiscard]] inline Result<void> bind_to(int fd, const BindOptions& options) {
  const bool v6 = options.address.is_v6();
  const int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
  if (v6) {
    if (auto set = set_option(fd, level, IPV6_V6ONLY, 1); !set) return set;
  }
  if (options.free_bind) {
    if (auto set = set_option(fd, level, v6 ? IPV6_FREEBIND : IP_FREEBIND, 1); !set) return set;
  }
  if (options.reuse_port) {
    if (auto set = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1); !set) return set;
  }
  sockaddr_storage native;
  const socklen_t length = options.address.to(native);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&native), length) != 0) {
    return system_error(errno == EADDRINUSE ? ErrorCode::AddressInUse : ErrorCode::SocketBind);
  }
  return {};
}

[[nodiscard]] inline Result<SockAddress> bound_address(int fd) {
  sockaddr_storage native{};
  socklen_t length = sizeof native;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&native), &length) != 0) {
    return system_error(ErrorCode::SocketName);
  }
  return SockAddress::from(native);
}

// Readies a socket that somebody else has opened, and returns where it is bound: not to be
// inherited, non-blocking. Fails with SocketName where that is not `wanted` (port 0: any port), and
// with SocketOption where it is IPv6 and takes IPv4, too.
[[nodiscard]] inline Result<SockAddress> adopt_bound(int fd, const SockAddress& wanted) {
  const auto address = bound_address(fd);
  if (!address) return address;
  const bool agrees =
      address->same_ip(wanted) && (wanted.port() == 0 || address->port() == wanted.port());
  if (!agrees) return plain_error(ErrorCode::SocketName);
  if (wanted.is_v6()) {
    const auto v6_only = get_option(fd, IPPROTO_IPV6, IPV6_V6ONLY);
    if (!v6_only || *v6_only == 0) return plain_error(ErrorCode::SocketOption);
  }
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || ::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
    return system_error(ErrorCode::SocketOption);
  }
  return address;
}

}  // namespace siplb::net
