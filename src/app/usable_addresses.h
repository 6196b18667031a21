// Which of the addresses that a name leads to can be servers.
//
// For addresses in the file the configuration answers this, and refuses the others. What a name
// server says must not end a daemon that runs: so here they are left out. Not usable is what no
// listener leads to, say an IPv6 address where all listeners are IPv4, and what is a listener of
// ours: a loop. Thread: any. Pure, but for what the host's own addresses are.
#pragma once

#include <span>
#include <vector>

#include "app/lookups.h"
#include "balance/options.h"
#include "proxy/sides.h"

namespace siplb::app {

// Whose addresses they are; borrowed.
struct NamedServer {
  const balance::GroupOptions& group;
  const balance::ServerOptions& server;
};

[[nodiscard]] std::vector<NamedAddress> usable_addresses(std::span<const NamedAddress> addresses,
                                                         const NamedServer& of,
                                                         const proxy::Sides& sides);

}  // namespace siplb::app
