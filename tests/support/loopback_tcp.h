// Plain TCP ends on the loopback interface, for tests of sockets. They use the system calls
// directly, so that a fault of net::TcpSocket or net::TcpListener cannot hide itself.
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/address.h"
#include "net/file_descriptor.h"
#include "support/loopback.h"

namespace siplb::test {

inline bool wait_writable(int fd) {
  pollfd waiting{fd, POLLOUT, 0};
  return ::poll(&waiting, 1, kPatienceMs) == 1;
}

// A blocking connection, begun by us. Not open where it is refused.
inline net::FileDescriptor connect_plain(const SockAddress& to) {
  net::FileDescriptor fd(::socket(to.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage native;
  const socklen_t length = to.to(native);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&native), length) != 0) return {};
  return fd;
}

inline void send_all(int fd, std::string_view octets) {
  ASSERT_EQ(::send(fd, octets.data(), octets.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(octets.size()));
}

// The next `count` octets, fewer if they do not come or the connection ends.
inline std::string receive(int fd, size_t count) {
  std::string octets(count, '\0');
  size_t used = 0;
  while (used < count && wait_readable(fd)) {
    const ssize_t length = ::recv(fd, octets.data() + used, count - used, 0);
    if (length <= 0) break;
    used += static_cast<size_t>(length);
  }
  octets.resize(used);
  return octets;
}

// A message without body: all up to the first empty line, less if that does not come.
inline std::string receive_head(int fd) {
  std::string head;
  while (!head.ends_with("\r\n\r\n")) {
    const std::string octet = receive(fd, 1);
    if (octet.empty()) break;
    head += octet;
  }
  return head;
}

// Whether the other end has ended it: 0 in good order, else an errno, -1 if not at all.
inline int ending_of(int fd) {
  char octet;
  if (!wait_readable(fd)) return -1;
  const ssize_t length = ::recv(fd, &octet, 1, 0);
  return length == 0 ? 0 : length < 0 ? errno : -1;
}

// A listening end that accepts when told to.
class PlainListener {
 public:
  explicit PlainListener(SockAddress::Family family)
      : fd_(open_plain(loopback(family), SOCK_STREAM)), address_(address_of(fd_.get())) {
    EXPECT_EQ(::listen(fd_.get(), 16), 0);
  }

  [[nodiscard]] const SockAddress& address() const { return address_; }
  [[nodiscard]] int fd() const { return fd_.get(); }

  // The next connection, blocking.
  [[nodiscard]] net::FileDescriptor accept() {
    if (!wait_readable(fd_.get())) return {};
    return take();
  }
  // The next one that is there already; not open where there is none.
  [[nodiscard]] net::FileDescriptor take() {
    return net::FileDescriptor(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

 private:
  net::FileDescriptor fd_;
  SockAddress address_;
};

}  // namespace siplb::test
