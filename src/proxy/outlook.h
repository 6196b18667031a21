// What a lane decides by in this tick: the configuration, which servers may get work, and what
// names lead to.
//
// All are replaced as a whole, between two ticks and never within one; who keeps something of them
// for longer must copy it. A new snapshot has the servers and groups of the old one at the same
// places; their addresses and weights may differ.
// Thread: one, a worker, which all its lanes share.
#pragma once

#include "balance/pool_status.h"
#include "proxy/name_book.h"
#include "proxy/snapshot.h"

namespace siplb::proxy {

class Witness;

struct Outlook {
  const Snapshot* snapshot;           // never null
  const balance::PoolStatus* status;  // never null
  const NameBook* names;              // never null
  Witness* witness = nullptr;         // who watches, if somebody does

  [[nodiscard]] const balance::Topology& topology() const { return snapshot->topology; }
  // True where the operator lets nothing at all go to this server.
  [[nodiscard]] bool is_shut(balance::ServerIndex server) const {
    return server != balance::kNoServer && status->is_shut(server);
  }
};

}  // namespace siplb::proxy
