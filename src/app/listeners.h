// The sockets of all listeners: opened or adopted when siplb starts, opened when it reloads, with a
// word to people about what is less than was asked for.
//
// Thread: one at a time. Bounds: transport::kListenersMax listeners, a socket for each lane and
// transport of theirs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "app/start_fault.h"
#include "net/inherited_sockets.h"
#include "observe/event_log.h"
#include "transport/listener_options.h"
#include "transport/listener_sockets.h"

namespace siplb::app {

struct ListenersToOpen {
  // By listener: nothing is opened of one without transports.
  std::span<const transport::ListenerOptions> wanted;
  // That we have open already: they share their ports with those that are wanted.
  std::span<const transport::ListenerOptions> open;
  size_t lanes = 1;
  uint32_t receive_buffer_bytes = 0;
};

// By listener: the whole sets of sockets that an earlier process has left.
[[nodiscard]] std::vector<transport::ListenerSockets> adopt_listeners(
    const ListenersToOpen& listeners, net::InheritedSockets& inherited);
// By listener. Opens all that is not adopted, or nothing; logs a buffer that is smaller than asked
// for, and responses that are not steered to their lanes.
[[nodiscard]] StartResult<std::vector<transport::ListenerSockets>> open_listeners(
    const ListenersToOpen& listeners, std::vector<transport::ListenerSockets> adopted,
    observe::EventLog& log);

// What the service manager keeps for the next process.
struct StoredSocket {
  std::string name;
  int fd;  // borrowed
};
// All that are open. Requires: `sockets` are those of the listeners.
[[nodiscard]] std::vector<StoredSocket> stored_sockets(
    std::span<const transport::ListenerOptions> listeners,
    std::span<const transport::ListenerSockets> sockets);

// Logs where each of them listens. Requires: `sockets` are theirs.
void report_listening(std::span<const transport::ListenerOptions> listeners,
                      std::span<const transport::ListenerSockets> sockets, observe::EventLog& log);

}  // namespace siplb::app
