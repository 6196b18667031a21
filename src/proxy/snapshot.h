// What a lane decides by: the configuration as the workers see it.
//
// Thread: any, immutable once built; outlives the lanes that read it.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "balance/rate_limit.h"
#include "balance/topology.h"
#include "base/hash.h"
#include "proxy/header_filter.h"
#include "proxy/route_options.h"
#include "proxy/route_table.h"
#include "proxy/sides.h"
#include "sip/message.h"
#include "sip/seal.h"

namespace siplb::proxy {

// A listener for each address family and transport; nothing where none has both.
using SideByKind = std::array<std::array<std::optional<transport::ListenerIndex>,
                                         static_cast<size_t>(sip::Transport::kCount)>,
                              3>;
[[nodiscard]] inline std::optional<transport::ListenerIndex> side_for(const SideByKind& sides,
                                                                      const ServerPlace& place) {
  return sides[static_cast<size_t>(place.address.family())][static_cast<size_t>(place.transport)];
}

// What decides where new requests go. Snapshots that differ only in their servers share it.
struct Routing {
  std::vector<RouteOptions> routes;
  // By route, null where it has no rate: shared by all lanes, the one thing here that changes.
  std::vector<std::shared_ptr<balance::RateLimit>> rates;
  std::vector<std::unique_ptr<const RouteTable>> tables;  // of the routes, by worker

  // What a route was granted by `before` stays granted if it keeps its name and its rate.
  Routing(std::span<const RouteOptions> options, size_t worker_count,
          const Routing* before = nullptr);
};

// What new requests the node takes. With DialogsOnly it drains: what belongs to a dialog, or to a
// request that it has taken, goes on; all else is refused.
enum class Admission : uint8_t { Everything, DialogsOnly };

struct Snapshot {
  balance::Topology topology;
  Sides sides;
  std::vector<HeaderFilter> header_filters;  // by listener
  // By server: what we send from towards it.
  std::vector<transport::ListenerIndex> server_sides;
  // What we send from towards servers that have left the configuration, and towards clients that
  // no flow leads to.
  SideByKind gone_server_side;
  SideByKind client_side;
  std::shared_ptr<const Routing> routing;
  sip::Seal seal;
  // Keys the tables that outsiders fill: lane and affinity. Never the node's key, which rotates.
  HashKey table_key;
  sip::ScanLimits scan_limits;
  size_t message_octets_max = sip::kMessageOctetsMax;
  bool logs_calls = false;  // an event for each INVITE that is answered
  // Not for lanes: how often we ask ourselves (0: never), which file this is, and whose responses
  // the kernel gives to their lanes.
  std::chrono::milliseconds self_probe{0};
  std::string config_hash;
  uint16_t steered = 0;  // bit per listener
  Admission admission = Admission::Everything;

  // How a place of that server, or of one that has left the configuration, is reached; nothing
  // where no listener has its family and transport.
  [[nodiscard]] std::optional<transport::Flow> flow_to(balance::ServerIndex server,
                                                       const ServerPlace& place) const;
};

// What a snapshot is made from; borrowed for the call.
struct SnapshotParts {
  std::span<const transport::ListenerOptions> listeners;
  std::span<const SockAddress> bound;  // by listener: the address that it really has
  std::span<const std::string> names;
  std::span<const balance::GroupOptions> groups;
  balance::ServerPlaces places;
  std::shared_ptr<const Routing> routing;
  HostFacts host;
  sip::Seal seal;
  HashKey table_key;
  sip::ScanLimits scan_limits;
  size_t message_octets_max = sip::kMessageOctetsMax;
  bool logs_calls = false;
  std::chrono::milliseconds self_probe{0};
  std::string config_hash = {};
  uint16_t steered = 0;
};
// Requires: options as the configuration has validated them.
[[nodiscard]] Snapshot make_snapshot(const SnapshotParts& parts);

// The lane that a call lives on (DESIGN 3).
[[nodiscard]] inline uint8_t lane_of(const HashKey& table_key, std::string_view call_id,
                                     uint8_t lane_count) {
  const uint64_t hash = KeyedHash(table_key, HashPurpose::Lane).add(call_id).digest64();
  return static_cast<uint8_t>(hash % lane_count);
}

}  // namespace siplb::proxy
