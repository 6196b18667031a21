// What a lane decides by: the configuration as the workers see it.
//
// Thread: any, immutable once built; outlives the lanes that read it.
#pragma once

#include <vector>

#include "balance/topology.h"
#include "base/hash.h"
#include "proxy/route_options.h"
#include "proxy/sides.h"
#include "sip/message.h"
#include "sip/seal.h"

namespace siplb::proxy {

struct Snapshot {
  balance::Topology topology;
  Sides sides;
  std::vector<RouteOptions> routes;
  sip::Seal seal;
  // Keys the tables that outsiders fill: lane and affinity. Never the node's key, which rotates.
  HashKey table_key;
  sip::ScanLimits scan_limits;
  size_t message_octets_max = sip::kMessageOctetsMax;
};

// The lane that a call lives on (DESIGN 3).
[[nodiscard]] inline uint8_t lane_of(const HashKey& table_key, std::string_view call_id,
                                     uint8_t lane_count) {
  const uint64_t hash = KeyedHash(table_key, HashPurpose::Lane).add(call_id).digest64();
  return static_cast<uint8_t>(hash % lane_count);
}

}  // namespace siplb::proxy
