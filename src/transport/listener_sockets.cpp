#include "transport/listener_sockets.h"

#include <optional>
#include <utility>

#include "base/assert.h"
#include "net/steering.h"
#include "sip/lane_marker.h"

namespace siplb::transport {
namespace {

std::string name_prefix(std::string_view listener) {
  return "v1-" + std::string(listener) + "-udp-";
}

net::UdpSocketOptions socket_options(const ListenerSocketsOptions& options) {
  return {.address = options.address,
          .receive_buffer_bytes = options.receive_buffer_bytes,
          // On a wildcard address it would only let us send from addresses that have left.
          .free_bind = !options.address.is_wildcard()};
}

std::optional<ListenerSockets> adopt_all(const ListenerSocketsOptions& options,
                                         net::InheritedSockets& inherited) {
  std::vector<net::FileDescriptor> stored = inherited.take_series(name_prefix(options.name));
  if (stored.size() != options.lanes) return std::nullopt;
  net::UdpSocketOptions wanted = socket_options(options);
  ListenerSockets sockets;
  sockets.is_adopted = true;
  for (net::FileDescriptor& fd : stored) {
    auto adopted = net::UdpSocket::adopt(std::move(fd), wanted);
    if (!adopted) return std::nullopt;
    wanted.address = adopted->address();
    sockets.by_lane.push_back(std::move(*adopted));
  }
  sockets.address = wanted.address;
  return sockets;
}

Result<ListenerSockets> open_all(const ListenerSocketsOptions& options) {
  net::UdpSocketOptions wanted = socket_options(options);
  wanted.reuse_port = options.is_under_wildcard;
  ListenerSockets sockets;
  for (size_t lane = 0; lane < options.lanes; ++lane) {
    auto opened = net::UdpSocket::open(wanted);
    if (!opened) return tl::unexpected(opened.error());
    if (lane == 0) {
      if (auto shared = opened->share_port(); !shared) return tl::unexpected(shared.error());
      wanted.address = opened->address();
      wanted.reuse_port = true;
    }
    sockets.by_lane.push_back(std::move(*opened));
  }
  sockets.address = wanted.address;
  return sockets;
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

std::string lane_socket_name(std::string_view listener, size_t lane) {
  return name_prefix(listener) + std::to_string(lane);
}

Result<ListenerSockets> open_listener_sockets(const ListenerSocketsOptions& options,
                                              net::InheritedSockets& inherited) {
  SIPLB_ASSERT(options.lanes > 0);
  auto sockets = adopt_all(options, inherited);
  if (!sockets) {
    auto opened = open_all(options);
    if (!opened) return opened;
    sockets = std::move(*opened);
  }
  if (options.lanes > 1) sockets->steering = steer_by_lane(sockets->by_lane.front());
  return std::move(*sockets);
}

}  // namespace siplb::transport
