// Which of our addresses a datagram came to, and leaves from, on a socket that has bound none.
//
// The kernel says and takes it as a control message (IP_PKTINFO, IPV6_PKTINFO). No interface is
// named: the routing table picks it.
// Thread: any, pure.
#pragma once

#include <array>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/address.h"

namespace siplb::net {

// Room for the control message of either family, the only one that our sockets ask for.
struct alignas(cmsghdr) PacketInfoRoom {
  std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> octets;
};

// The address that a received datagram came to, with port 0; Family::None where the kernel does not
// say or nobody can answer from there (IPv6 multicast).
[[nodiscard]] SockAddress packet_info_of(const msghdr& received);

// Makes the datagram leave from `local`, whose port does not count. The room is borrowed until it
// is sent. Requires: a family.
void set_packet_info(msghdr& outgoing, PacketInfoRoom& room, const SockAddress& local);

}  // namespace siplb::net
