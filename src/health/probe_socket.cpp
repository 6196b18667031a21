#include "health/probe_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "net/socket_calls.h"

namespace siplb::health {

void mark_urgent(int fd, SockAddress::Family family) {
  constexpr int kClassSelector3 = 0x60;
  constexpr int kPriority = 6;  // the highest without privilege
  const bool v6 = family == SockAddress::Family::V6;
  static_cast<void>(net::set_option(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TCLASS : IP_TOS,
                                    kClassSelector3));
  // Afterwards, since setting the one sets the other.
  static_cast<void>(net::set_option(fd, SOL_SOCKET, SO_PRIORITY, kPriority));
}

}  // namespace siplb::health
