#include "app/listeners.h"

#include <algorithm>
#include <string>

#include "base/assert.h"

namespace siplb::app {
namespace {

using observe::LogLevel;
using transport::ListenerOptions;
using transport::ListenerSockets;

// True where `listener` has all addresses of the port of `other`.
bool is_wildcard_over(const ListenerOptions& listener, const ListenerOptions& other) {
  return listener.address.is_wildcard() && listener.address.family() == other.address.family() &&
         listener.address.port() == other.address.port();
}

bool overlap(const ListenerOptions& a, const ListenerOptions& b) {
  return a.address == b.address || is_wildcard_over(a, b) || is_wildcard_over(b, a);
}

// True where nobody else can be on its port over this transport, since we are there: another
// listener that is wanted has all addresses of it, or one that is open overlaps.
bool is_on_own_port(const ListenerOptions& listener, sip::Transport transport,
                    const ListenersToOpen& listeners) {
  if (listener.address.port() == 0) return false;
  const auto is_above = [&](const ListenerOptions& other) {
    return other.has(transport) && !listener.address.is_wildcard() &&
           is_wildcard_over(other, listener);
  };
  const auto overlaps = [&](const ListenerOptions& other) {
    return other.has(transport) && overlap(other, listener);
  };
  return std::any_of(listeners.wanted.begin(), listeners.wanted.end(), is_above) ||
         std::any_of(listeners.open.begin(), listeners.open.end(), overlaps);
}

void warn_of_small_buffer(std::string_view listener, const net::UdpSocket& socket, size_t wanted,
                          observe::EventLog& log) {
  if (socket.granted_receive_bytes() >= wanted) return;
  log.write(LogLevel::Warning, "receive buffer smaller than asked for",
            {{"listener", listener},
             {"granted_bytes", std::to_string(socket.granted_receive_bytes())},
             {"wanted_bytes", std::to_string(wanted)},
             {"remedy", "raise net.core.rmem_max"}});
}

void warn_of_steering(std::string_view listener, const Result<void>& steering,
                      observe::EventLog& log) {
  if (steering) return;
  log.write(LogLevel::Warning, "steering not attached",
            {{"listener", listener},
             {"reason", describe(steering.error())},
             {"remedy", "raise net.core.optmem_max"}});
}

transport::ListenerSocketsOptions socket_options(const ListenerOptions& options,
                                                 const ListenersToOpen& listeners) {
  return {.name = options.name,
          .address = options.address,
          .lanes = listeners.lanes,
          .has_udp = options.has(sip::Transport::Udp),
          .has_tcp = options.has(sip::Transport::Tcp),
          .receive_buffer_bytes = listeners.receive_buffer_bytes,
          .is_udp_under_wildcard = is_on_own_port(options, sip::Transport::Udp, listeners),
          .is_tcp_under_wildcard = is_on_own_port(options, sip::Transport::Tcp, listeners)};
}

StartResult<ListenerSockets> open_listener(const transport::ListenerSocketsOptions& options,
                                           ListenerSockets adopted, observe::EventLog& log) {
  auto sockets = transport::complete_listener_sockets(options, std::move(adopted));
  if (!sockets) {
    return start_fault(sockets.error(), "listener " + options.name + " (" +
                                            std::string(options.address.text()) + ")");
  }
  if (!sockets->by_lane.empty()) {
    warn_of_small_buffer(options.name, sockets->by_lane.front(), options.receive_buffer_bytes, log);
    warn_of_steering(options.name, sockets->steering, log);
  }
  return std::move(*sockets);
}

}  // namespace

std::vector<ListenerSockets> adopt_listeners(const ListenersToOpen& listeners,
                                             net::InheritedSockets& inherited) {
  std::vector<ListenerSockets> adopted;
  for (const ListenerOptions& options : listeners.wanted) {
    adopted.push_back(
        transport::adopt_listener_sockets(socket_options(options, listeners), inherited));
  }
  return adopted;
}

StartResult<std::vector<ListenerSockets>> open_listeners(const ListenersToOpen& listeners,
                                                         std::vector<ListenerSockets> adopted,
                                                         observe::EventLog& log) {
  SIPLB_ASSERT(adopted.size() == listeners.wanted.size());
  std::vector<ListenerSockets> opened = std::move(adopted);
  // Wildcards come first: their trial bind speaks for all addresses of the port.
  for (const bool wildcards : {true, false}) {
    for (size_t i = 0; i < opened.size(); ++i) {
      const ListenerOptions& options = listeners.wanted[i];
      if (options.transports.empty() || options.address.is_wildcard() != wildcards) continue;
      auto sockets = open_listener(socket_options(options, listeners), std::move(opened[i]), log);
      if (!sockets) return tl::unexpected<StartFault>(sockets.error());
      opened[i] = std::move(*sockets);
    }
  }
  return opened;
}

std::vector<StoredSocket> stored_sockets(std::span<const ListenerOptions> listeners,
                                         std::span<const ListenerSockets> sockets) {
  std::vector<StoredSocket> stored;
  for (size_t i = 0; i < sockets.size(); ++i) {
    const std::string& name = listeners[i].name;
    for (size_t lane = 0; lane < sockets[i].by_lane.size(); ++lane) {
      stored.push_back({transport::lane_socket_name({name, sip::Transport::Udp, lane}),
                        sockets[i].by_lane[lane].fd()});
    }
    for (size_t lane = 0; lane < sockets[i].streams_by_lane.size(); ++lane) {
      stored.push_back({transport::lane_socket_name({name, sip::Transport::Tcp, lane}),
                        sockets[i].streams_by_lane[lane].fd()});
    }
  }
  return stored;
}

void report_listening(std::span<const ListenerOptions> listeners,
                      std::span<const ListenerSockets> sockets, observe::EventLog& log) {
  for (size_t i = 0; i < listeners.size(); ++i) {
    for (const sip::Transport transport : listeners[i].transports) {
      log.write(LogLevel::Info, "listening",
                {{"listener", listeners[i].name},
                 {"transport", sip::transport_label(transport)},
                 {"address", sockets[i].address.text()}});
    }
  }
}

}  // namespace siplb::app
