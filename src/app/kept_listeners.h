// The listeners' sockets at start: those that the process before has left to the service manager,
// and new ones for the manager to keep.
//
//   adopt whole sets -> drop the rest, wait until that is closed -> open what is missing -> keep it
//
// What is not adopted leaves the store before anything is opened: it may have the port, and of two
// sockets under one name the next process would adopt neither.
// Thread: one (the supervisor, at start). Bounds: as app/listeners.h.
#pragma once

#include <vector>

#include "app/listeners.h"
#include "app/start_fault.h"
#include "app/systemd.h"
#include "net/inherited_sockets.h"
#include "observe/event_log.h"

namespace siplb::app {

// By listener. `left`: what the process before has left; what is not adopted of it is closed.
[[nodiscard]] StartResult<std::vector<transport::ListenerSockets>> open_kept_listeners(
    const ListenersToOpen& listeners, net::InheritedSockets left, const Systemd& systemd,
    observe::EventLog& log);

}  // namespace siplb::app
