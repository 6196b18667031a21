// Opens or adopts the sockets of one listener: of each of its transports one per lane, in lane
// order, all on one port.
//
// The order matters for UDP: the kernel's flow hash picks a socket by its place in the SO_REUSEPORT
// group, and the program that steers responses by lane (net/steering.h) returns that place. The
// first socket of a transport is alone at first, without SO_REUSEPORT: that fails if anybody else
// is there, and two daemons never share flows; only then it lets the others in. For TCP to be alone
// is to listen (net/tcp_listener.h), so lane 0 listens before the others are bound; they follow in
// lane order at once. Port 0 takes a second try only where both transports are to share a port:
// what the kernel picks for one may be taken for the other.
// Sockets are named v1-<listener>-<udp|tcp>-<lane>; inherited ones are adopted only as a whole set,
// each transport by itself.
// Thread: one (the supervisor, at start).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "net/inherited_sockets.h"
#include "net/tcp_listener.h"
#include "net/udp_socket.h"
#include "sip/method.h"

namespace siplb::transport {

// Ports that are tried when the kernel may pick one for both transports.
inline constexpr size_t kPortTriesMax = 16;

struct ListenerSocketsOptions {
  std::string name;     // of the listener
  SockAddress address;  // port 0: the kernel picks one, the same for all lanes and transports
  size_t lanes = 1;     // at least 1
  bool has_udp = true;  // one of both at least
  bool has_tcp = false;
  uint32_t receive_buffer_bytes = 0;  // of each UDP socket; 0: the system's default
  // Another listener of ours, open already, has all addresses of this port over that transport:
  // nobody else is here.
  bool is_udp_under_wildcard = false;
  bool is_tcp_under_wildcard = false;
};

struct ListenerSockets {
  std::vector<net::UdpSocket> by_lane;            // empty without UDP
  std::vector<net::TcpListener> streams_by_lane;  // empty without TCP; they listen
  SockAddress address;                            // as bound
  bool is_adopted = false;                        // all of them
  // Whether the kernel gives each response to its lane, or why not; a single lane needs no help,
  // and TCP none.
  Result<void> steering;
};

struct LaneSocketName {
  std::string_view listener;
  sip::Transport transport = sip::Transport::Udp;
  size_t lane = 0;
};
[[nodiscard]] std::string lane_socket_name(const LaneSocketName& name);

// Adopts the inherited sockets of a transport if there is exactly one for each lane and all are
// bound to one address that agrees with the options, and with the other transport's; closes them
// otherwise.
[[nodiscard]] ListenerSockets adopt_listener_sockets(const ListenerSocketsOptions& options,
                                                     net::InheritedSockets& inherited);
// Opens the sockets of the transports that were not adopted: `adopted` has none of these. Fails
// with AddressInUse when somebody else listens there, and not for want of steering.
[[nodiscard]] Result<ListenerSockets> complete_listener_sockets(
    const ListenerSocketsOptions& options, ListenerSockets adopted);
// Both.
[[nodiscard]] Result<ListenerSockets> open_listener_sockets(const ListenerSocketsOptions& options,
                                                            net::InheritedSockets& inherited);

}  // namespace siplb::transport
