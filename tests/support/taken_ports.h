// A host on which others have TCP ports, when a test says so.
//
// Which port the kernel picks, a test can't foresee, nor take it for TCP alone. So a test program
// that includes this file, in one place, has a bind of its own before libc's.
#pragma once

#include <cerrno>
#include <cstddef>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace siplb::test {

// So many of the next binds of TCP sockets find their port taken.
inline size_t tcp_ports_taken = 0;

}  // namespace siplb::test

extern "C" int bind(int fd, const sockaddr* address, socklen_t length) noexcept {
  int type = 0;
  socklen_t room = sizeof type;
  ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &room);
  if (type == SOCK_STREAM && siplb::test::tcp_ports_taken > 0) {
    --siplb::test::tcp_ports_taken;
    errno = EADDRINUSE;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_bind, fd, address, length));
}
