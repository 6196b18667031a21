// Opens or adopts the UDP sockets of one listener: one per lane, in lane order.
//
// The order matters: the kernel's flow hash picks a socket by its place in the SO_REUSEPORT group,
// and the program that steers responses by lane (net/steering.h) returns that place. The first
// socket is bound without SO_REUSEPORT: that fails if anybody else is there, and two daemons never
// share flows; only then it lets the others in. So port 0 needs no second try either: nobody else
// can hold the port.
// Sockets are named v1-<listener>-udp-<lane>; inherited ones are adopted only as a whole set.
// Thread: one (the supervisor, at start).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "net/inherited_sockets.h"
#include "net/udp_socket.h"

namespace siplb::transport {

struct ListenerSocketsOptions {
  std::string name;                   // of the listener
  SockAddress address;                // port 0: the kernel picks one, the same for all lanes
  size_t lanes = 1;                   // at least 1
  uint32_t receive_buffer_bytes = 0;  // of each socket; 0: the system's default
  // Another listener of ours, open already, has all addresses of this port: nobody else is here.
  bool is_under_wildcard = false;
};

struct ListenerSockets {
  std::vector<net::UdpSocket> by_lane;
  SockAddress address;  // as bound
  bool is_adopted = false;
  // Whether the kernel gives each response to its lane, or why not; a single lane needs no help.
  Result<void> steering;
};

[[nodiscard]] std::string lane_socket_name(std::string_view listener, size_t lane);

// Adopts the inherited sockets if there is exactly one for each lane and all are bound to one
// address that agrees with the options; closes them and opens new ones otherwise. Fails with
// AddressInUse when somebody else listens there, and not for want of steering.
[[nodiscard]] Result<ListenerSockets> open_listener_sockets(const ListenerSocketsOptions& options,
                                                            net::InheritedSockets& inherited);

}  // namespace siplb::transport
