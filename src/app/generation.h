// One configuration as it runs: everything at its place, its sockets bound, its routes ready to
// match. A reload makes the next one; the last goes with the last snapshot that was made from it.
//
// Thread: any, immutable once built.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/control.h"
#include "app/places.h"
#include "base/hash.h"
#include "proxy/snapshot.h"

namespace siplb::app {

// What stays as it is for the life of the process.
struct NodeIdentity {
  HashKey key;
  HashKey table_key;
  uint32_t instance = 0;
};

struct Generation {
  Arranged arranged;
  std::string hash;                // of the file
  std::vector<SockAddress> bound;  // by listener: the address that it really has, or had
  uint16_t steered = 0;            // bit per listener
  std::shared_ptr<const proxy::Routing> routing;

  [[nodiscard]] const config::Configuration& configuration() const {
    return arranged.configuration;
  }
};

[[nodiscard]] sip::Seal make_seal(const NodeIdentity& node, const config::GlobalOptions& options);

// Makes snapshots of it, for Control: of the configuration's groups, with the weights and addresses
// of today. The identity is borrowed.
[[nodiscard]] Control::MakeSnapshot snapshot_maker(std::shared_ptr<const Generation> generation,
                                                   const NodeIdentity& node);

}  // namespace siplb::app
