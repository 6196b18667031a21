// What sockets of every kind ask of the kernel in the same way. Thread: any.
#pragma once

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

}  // namespace siplb::net
