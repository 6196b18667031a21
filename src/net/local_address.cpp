#include "net/local_address.h"

#include <sys/socket.h>

#include "net/file_descriptor.h"

namespace siplb::net {

SockAddress source_towards(const SockAddress& remote) {
  // To connect a datagram socket is to look up the route, and to bind to the address it prefers.
  const FileDescriptor fd(
      ::socket(remote.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage native;
  const socklen_t remote_length = remote.to(native);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&native), remote_length) != 0) {
    return {};
  }
  sockaddr_storage source{};
  socklen_t length = sizeof source;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&source), &length) != 0) return {};
  return SockAddress::from(source).with_port(0);
}

}  // namespace siplb::net
