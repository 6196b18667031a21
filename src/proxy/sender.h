// Who sent a request: a server of ours or a client (SIP.md, 1).
//
// A source address alone makes a server only on a listener that admits servers: elsewhere it can be
// forged. Over a stream its port says nothing, unless we opened it: then it is that server's.
// Thread: any, pure.
#pragma once

#include <cstdint>

#include "balance/topology.h"
#include "proxy/snapshot.h"
#include "transport/flow.h"

namespace siplb::proxy {

struct Sender {
  uint64_t groups = 0;  // bit per group that it is a server of; 0 = a client
  balance::ServerIndex server = balance::kNoServer;
  uint32_t affinity_group = 0;  // names the server's group in affinity keys; 0 = a client

  [[nodiscard]] bool is_server() const { return groups != 0; }
};

// Names a group in affinity keys: made from its name, so that it means the same after a restart;
// never 0, which is the clients'.
[[nodiscard]] uint32_t affinity_group_of(const balance::Topology& topology,
                                         balance::ServerIndex server);

// Whoever is at the other end of `flow`.
[[nodiscard]] Sender find_sender(const Snapshot& snapshot, const transport::Flow& flow);

}  // namespace siplb::proxy
