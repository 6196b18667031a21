// Plain UDP ends on the loopback interface, for tests of sockets. They use the system calls
// directly, so that a fault of net::UdpSocket cannot hide itself.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/address.h"
#include "net/file_descriptor.h"

namespace siplb::test {

inline constexpr int kPatienceMs = 5000;  // never used up unless a test fails

inline SockAddress loopback(SockAddress::Family family) {
  return family == SockAddress::Family::V6 ? *SockAddress::parse_ip("::1", 0)
                                           : *SockAddress::parse_ip("127.0.0.1", 0);
}

inline SockAddress wildcard(SockAddress::Family family) {
  return *SockAddress::parse_ip(family == SockAddress::Family::V6 ? "::" : "0.0.0.0", 0);
}

// An address for documentation, which no host has.
inline SockAddress absent(SockAddress::Family family) {
  return *SockAddress::parse_ip(family == SockAddress::Family::V6 ? "2001:db8::1" : "192.0.2.1", 0);
}

// Addresses of this host; there is but one for IPv6.
inline std::vector<SockAddress> loopbacks(SockAddress::Family family) {
  if (family == SockAddress::Family::V6) return {loopback(family)};
  return {loopback(family), SockAddress::v4(0x7F000002, 0)};
}

// Where the kernel sends nothing from a socket of ours, whatever routes this host has: broadcast
// without permission (EACCES), and IPv4 through an IPv6-only socket (ENETUNREACH).
inline SockAddress unsendable(SockAddress::Family family) {
  if (family == SockAddress::Family::V4) return SockAddress::v4(0xFFFFFFFF, 9);
  return SockAddress::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127, 0, 0, 1}, 9);
}

inline net::FileDescriptor open_plain(const SockAddress& address, int type = SOCK_DGRAM) {
  net::FileDescriptor fd(
      ::socket(address.is_v6() ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_storage native;
  const socklen_t length = address.to(native);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&native), length) != 0) return {};
  return fd;
}

inline SockAddress address_of(int fd) {
  sockaddr_storage native{};
  socklen_t length = sizeof native;
  EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&native), &length), 0);
  return SockAddress::from(native);
}

inline bool has_ipv6_loopback() {
  return open_plain(loopback(SockAddress::Family::V6)).is_open();
}

inline bool wait_readable(int fd) {
  pollfd waiting{fd, POLLIN, 0};
  return ::poll(&waiting, 1, kPatienceMs) == 1;
}

// A remote end that answers to nothing by itself.
class Peer {
 public:
  explicit Peer(SockAddress::Family family)
      : fd_(open_plain(loopback(family))), address_(address_of(fd_.get())) {}

  [[nodiscard]] const SockAddress& address() const { return address_; }

  // From now on takes datagrams from there only.
  void connect(const SockAddress& to) {
    sockaddr_storage native;
    const socklen_t length = to.to(native);
    ASSERT_EQ(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&native), length), 0);
  }

  void send(const SockAddress& to, std::string_view octets) {
    sockaddr_storage native;
    const socklen_t length = to.to(native);
    ASSERT_EQ(::sendto(fd_.get(), octets.data(), octets.size(), 0,
                       reinterpret_cast<const sockaddr*>(&native), length),
              static_cast<ssize_t>(octets.size()));
  }

  // The next `count` datagrams, fewer if they do not come.
  [[nodiscard]] std::vector<std::string> receive(size_t count) {
    std::vector<std::string> datagrams;
    while (datagrams.size() < count && wait_readable(fd_.get())) {
      std::string octets(65536, '\0');
      const ssize_t length = ::recv(fd_.get(), octets.data(), octets.size(), 0);
      if (length < 0) break;
      octets.resize(static_cast<size_t>(length));
      datagrams.push_back(octets);
    }
    return datagrams;
  }

  [[nodiscard]] bool has_more() {
    pollfd waiting{fd_.get(), POLLIN, 0};
    return ::poll(&waiting, 1, 0) == 1;
  }

 private:
  net::FileDescriptor fd_;
  SockAddress address_;
};

// A port that answers every datagram with "port unreachable", and that nobody else can take: its
// socket is connected to itself and so takes datagrams from nobody else.
class RefusingPort {
 public:
  explicit RefusingPort(SockAddress::Family family)
      : fd_(open_plain(loopback(family))), address_(address_of(fd_.get())) {
    sockaddr_storage native;
    const socklen_t length = address_.to(native);
    EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&native), length), 0);
  }

  [[nodiscard]] const SockAddress& address() const { return address_; }

 private:
  net::FileDescriptor fd_;
  SockAddress address_;
};

inline std::vector<std::string> numbered(size_t count) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < count; ++i) texts.push_back("message " + std::to_string(i));
  return texts;
}

}  // namespace siplb::test
