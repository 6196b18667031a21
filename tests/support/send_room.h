// A kernel whose send buffer is full, or that refuses a datagram, when a test says so.
//
// Loopback never fills a send buffer, since it takes each datagram off the sender at once. So a
// test program that includes this file, in one place, has a sendmmsg of its own before libc's.
#pragma once

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace siplb::test {

// How many datagrams sendmmsg takes before it would block; empty: as the real one.
inline std::optional<unsigned> send_room;
// What the next sendmmsg fails with, once.
inline std::optional<int> send_fault;

}  // namespace siplb::test

extern "C" int sendmmsg(int fd, mmsghdr* headers, unsigned count, int flags) {
  std::optional<unsigned>& room = siplb::test::send_room;
  if (const auto fault = std::exchange(siplb::test::send_fault, std::nullopt)) {
    errno = *fault;
    return -1;
  }
  if (room == 0U) {
    errno = EAGAIN;
    return -1;
  }
  if (room) {
    count = std::min(count, *room);
    *room -= count;
  }
  return static_cast<int>(::syscall(SYS_sendmmsg, fd, headers, count, flags));
}
