#include "transport/listener_sockets.h"

#include <utility>

#include "base/assert.h"
#include "net/steering.h"
#include "sip/lane_marker.h"

namespace siplb::transport {
namespace {

std::string name_prefix(std::string_view listener, sip::Transport transport) {
  std::string prefix = "v1-";
  prefix.append(listener).append("-").append(sip::transport_label(transport)).append("-");
  return prefix;
}

// On a wildcard address it would only let us send from addresses that have left.
bool may_bind_freely(const SockAddress& address) {
  return !address.is_wildcard();
}

net::UdpSocketOptions udp_options(const ListenerSocketsOptions& options,
                                  const SockAddress& address) {
  return {.address = address,
          .receive_buffer_bytes = options.receive_buffer_bytes,
          .reuse_port = options.is_udp_under_wildcard,
          .free_bind = may_bind_freely(address)};
}

net::TcpListenerOptions tcp_options(const ListenerSocketsOptions& options,
                                    const SockAddress& address) {
  return {.address = address,
          .reuse_port = options.is_tcp_under_wildcard,
          .free_bind = may_bind_freely(address)};
}

Result<void> begin(const net::UdpSocket& /*bound*/) {
  return {};  // to be bound is enough
}

Result<void> begin(net::TcpListener& bound) {
  return bound.listen();
}

// Empty if they are not one for each lane, or one does not fit.
template <class Socket, class Options>
std::vector<Socket> adopt_lanes(std::vector<net::FileDescriptor> stored, size_t lanes,
                                Options wanted) {
  std::vector<Socket> by_lane;
  if (stored.size() != lanes) return by_lane;
  for (net::FileDescriptor& fd : stored) {
    auto adopted = Socket::adopt(std::move(fd), wanted);
    if (!adopted || !begin(*adopted)) return {};
    wanted.address = adopted->address();
    by_lane.push_back(std::move(*adopted));
  }
  return by_lane;
}

template <class Socket, class Options>
Result<std::vector<Socket>> open_lanes(size_t lanes, Options wanted) {
  std::vector<Socket> by_lane;
  for (size_t lane = 0; lane < lanes; ++lane) {
    auto opened = Socket::open(wanted);
    if (!opened) return tl::unexpected(opened.error());
    if (auto begun = begin(*opened); !begun) return tl::unexpected(begun.error());
    if (lane == 0) {
      if (auto shared = opened->share_port(); !shared) return tl::unexpected(shared.error());
      wanted.address = opened->address();
      wanted.reuse_port = true;
    }
    by_lane.push_back(std::move(*opened));
  }
  return by_lane;
}

// Leaves the port open where it was, if that of UDP is none for TCP.
Result<void> open_missing(const ListenerSocketsOptions& options, ListenerSockets& sockets) {
  const SockAddress wanted = sockets.address;
  if (options.has_udp && sockets.by_lane.empty()) {
    auto opened = open_lanes<net::UdpSocket>(options.lanes, udp_options(options, wanted));
    if (!opened) return tl::unexpected(opened.error());
    sockets.by_lane = std::move(*opened);
    sockets.address = sockets.by_lane.front().address();
  }
  if (options.has_tcp && sockets.streams_by_lane.empty()) {
    auto opened =
        open_lanes<net::TcpListener>(options.lanes, tcp_options(options, sockets.address));
    if (!opened) {
      if (wanted.port() == 0) sockets.by_lane.clear();
      sockets.address = wanted;
      return tl::unexpected(opened.error());
    }
    sockets.streams_by_lane = std::move(*opened);
    sockets.address = sockets.streams_by_lane.front().address();
  }
  return {};
}

// Responses bring back the lane that our Via names; requests are spread by the flow hash.
Result<void> steer_by_lane(net::UdpSocket& any_lane) {
  static_assert(sip::kLaneMarker.find_first_not_of(sip::kLaneMarker.front()) ==
                std::string_view::npos);
  static_assert(sip::kLaneDigits == 2);
  const auto program = net::steering_program(
      {.prefix = "SIP/", .mark = sip::kLaneMarker.front(), .mark_length = sip::kLaneMarker.size()});
  return any_lane.steer(program);
}

}  // namespace

std::string lane_socket_name(const LaneSocketName& name) {
  return name_prefix(name.listener, name.transport) + std::to_string(name.lane);
}

ListenerSockets adopt_listener_sockets(const ListenerSocketsOptions& options,
                                       net::InheritedSockets& inherited) {
  ListenerSockets sockets;
  sockets.address = options.address;
  sockets.is_adopted = true;
  if (options.has_udp) {
    auto stored = inherited.take_series(name_prefix(options.name, sip::Transport::Udp));
    sockets.by_lane = adopt_lanes<net::UdpSocket>(std::move(stored), options.lanes,
                                                  udp_options(options, sockets.address));
    sockets.is_adopted = !sockets.by_lane.empty();
    if (sockets.is_adopted) sockets.address = sockets.by_lane.front().address();
  }
  if (options.has_tcp) {
    auto stored = inherited.take_series(name_prefix(options.name, sip::Transport::Tcp));
    sockets.streams_by_lane = adopt_lanes<net::TcpListener>(std::move(stored), options.lanes,
                                                            tcp_options(options, sockets.address));
    if (sockets.streams_by_lane.empty()) {
      sockets.is_adopted = false;
    } else {
      sockets.address = sockets.streams_by_lane.front().address();
    }
  }
  return sockets;
}

Result<ListenerSockets> complete_listener_sockets(const ListenerSocketsOptions& options,
                                                  ListenerSockets adopted) {
  SIPLB_ASSERT(options.lanes > 0);
  SIPLB_ASSERT(options.has_udp || options.has_tcp);
  ListenerSockets sockets = std::move(adopted);
  if (sockets.by_lane.empty() && sockets.streams_by_lane.empty()) {
    sockets.address = options.address;
  }
  for (size_t tries = 1;; ++tries) {
    const auto opened = open_missing(options, sockets);
    if (opened) break;
    const bool may_pick_another = opened.error().code == ErrorCode::AddressInUse &&
                                  sockets.address.port() == 0 && tries < kPortTriesMax;
    if (!may_pick_another) return tl::unexpected(opened.error());
  }
  if (options.has_udp && options.lanes > 1) {
    sockets.steering = steer_by_lane(sockets.by_lane.front());
  }
  return sockets;
}

Result<ListenerSockets> open_listener_sockets(const ListenerSocketsOptions& options,
                                              net::InheritedSockets& inherited) {
  return complete_listener_sockets(options, adopt_listener_sockets(options, inherited));
}

}  // namespace siplb::transport
