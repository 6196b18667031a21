// A proxy::Snapshot as start-up makes it, but with keys and instance that the test chooses.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "proxy/snapshot.h"

namespace siplb::test {

struct SnapshotInput {
  std::vector<transport::ListenerOptions> listeners;  // bound where they ask to be
  std::vector<std::string> names = {};                // global.names
  std::vector<balance::GroupOptions> groups;
  std::vector<proxy::RouteOptions> routes;
  proxy::HostFacts host = {};
  uint8_t node_key = 1;  // each octet of it
  uint32_t instance = 1;
  std::optional<uint8_t> table_key = {};  // each octet of it; none: another for each instance
  uint16_t token_life_days = 60;
  sip::ScanLimits scan_limits = {};
  size_t message_octets_max = sip::kMessageOctetsMax;
  bool logs_calls = false;
  std::optional<balance::ServerPlaces> places = {};  // none: in order
  size_t worker_count = 4;
  std::string config_hash = {};
  uint16_t steered = 0;
};

inline proxy::Snapshot make_snapshot(const SnapshotInput& input) {
  std::vector<SockAddress> bound;
  for (const auto& listener : input.listeners) bound.push_back(listener.address);
  HashKey node_key;
  node_key.octets.fill(input.node_key);
  HashKey table_key;
  table_key.octets.fill(input.table_key.value_or(static_cast<uint8_t>(input.instance + 100)));
  return proxy::make_snapshot(
      {.listeners = input.listeners,
       .bound = bound,
       .names = input.names,
       .groups = input.groups,
       .places = input.places.value_or(balance::places_in_order(input.groups)),
       .routing = std::make_shared<const proxy::Routing>(input.routes, input.worker_count),
       .host = input.host,
       .seal = sip::Seal(node_key, input.instance, input.token_life_days),
       .table_key = table_key,
       .scan_limits = input.scan_limits,
       .message_octets_max = input.message_octets_max,
       .logs_calls = input.logs_calls,
       .config_hash = input.config_hash,
       .steered = input.steered});
}

}  // namespace siplb::test
