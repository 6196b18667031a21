// Whom to probe, and how: what the control thread tells the prober.
//
// Made anew whenever configuration, names or operator states change, and published as a whole
// (base/published.h). Servers keep their places: what is said of the same place and address goes
// on, another address begins as unknown.
// Thread: any, immutable once published. Bounds: one target per server.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "balance/health_options.h"
#include "balance/pool_status.h"
#include "balance/topology.h"
#include "transport/flow.h"

namespace siplb::health {

struct ProbeTarget {
  // None where the place is empty: a name that leads nowhere yet.
  SockAddress address;
  sip::Transport transport = sip::Transport::Udp;
  std::string request_uri;  // "sip:10.0.0.11:5060"
  // What we send from towards it: the listener, its local address, and what it is called there.
  transport::ListenerIndex listener = 0;
  SockAddress local;    // of own sockets: with port 0
  std::string sent_by;  // of the listener, for source: listener
  balance::GroupIndex group = 0;
  uint32_t weight = 0;
  balance::OperatorState operator_state = balance::OperatorState::Ready;
  balance::HealthOptions options;
};

struct ProbeGroup {
  uint8_t panic_below = 0;  // percent of weight
};

// One of our own listeners, asked as a client would ask it.
struct OwnListener {
  // None: it is not asked.
  SockAddress address;
  sip::Transport transport = sip::Transport::Udp;
  std::string request_uri;
  bool operator==(const OwnListener&) const = default;
};

struct ProbePlan {
  std::vector<ProbeTarget> targets;         // by balance::ServerIndex
  std::vector<ProbeGroup> groups;           // by balance::GroupIndex
  std::vector<OwnListener> listeners;       // by transport::ListenerIndex
  std::chrono::milliseconds self_probe{0};  // how often those are asked; 0: never
};

}  // namespace siplb::health
