// Limits and timers of connections, as configured and as derived from the memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace siplb::transport {

struct StreamTimers {
  Duration connect = std::chrono::seconds(3);       // until a connection that we open is there
  Duration first_octet = std::chrono::seconds(10);  // from accept
  Duration message = std::chrono::seconds(10);      // from a message's first octet to its last
  Duration idle = std::chrono::minutes(30);         // without an octet in either direction
  Duration stalled = std::chrono::seconds(10);      // in which the peer takes nothing of what waits
  // How long a message may wait for a connection that is being opened, or begins to be sent.
  Duration queued = std::chrono::seconds(1);
};

// Of one lane.
struct StreamOptions {
  size_t channels = 1024;        // connections that live here, accepted or opened; at least 1
  size_t queue_entries = 1024;   // messages that wait, for all of them; at least 1
  size_t channel_entries = 256;  // for one of them; at least 1
  size_t channel_octets = 256 * size_t{1024};  // for one of them; one message may always wait
  size_t read_budget = 128 * size_t{1024};     // octets of one connection and tick
  size_t message_octets_max = 65535;
  StreamTimers timers;
};

}  // namespace siplb::transport
