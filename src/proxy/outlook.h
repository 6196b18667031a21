// What a lane decides by in this tick: the configuration, which servers may get work, and what
// names lead to.
//
// All are replaced as a whole, between two ticks and never within one; who keeps something of them
// for longer must copy it. A new snapshot has the listeners, groups and servers of the old one at
// the same places, and as many places for groups and servers. All else may differ: who has left
// leaves a hollow place.
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
  size_t worker = 0;                  // whose patterns are matched
  Witness* witness = nullptr;         // who watches, if somebody does

  [[nodiscard]] const balance::Topology& topology() const { return snapshot->topology; }
  [[nodiscard]] const RouteTable& routes() const { return *snapshot->routing->tables[worker]; }
  // True where the operator lets nothing at all go to this server.
  [[nodiscard]] bool is_shut(balance::ServerIndex server) const {
    return server != balance::kNoServer && status->is_shut(server);
  }
};

}  // namespace siplb::proxy
