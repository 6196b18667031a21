// Which servers may get new work now: what the prober tells the lanes.
//
// Thread: any, immutable once published (base/published.h). Bounds: one entry per server and group.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "balance/health.h"
#include "balance/topology.h"

namespace siplb::balance {

// What the operator wants of a server: stronger than health.
enum class OperatorState : uint8_t {
  Ready,
  Drain,  // no new work; dialogs go on
  Maint,  // no traffic at all
  kCount,
};
[[nodiscard]] std::string_view name(OperatorState state);

struct ServerStatus {
  HealthState health = HealthState::Unknown;
  HealthReason reason = HealthReason::Start;
  OperatorState operator_state = OperatorState::Ready;
  Instant changed_at = Instant::min();  // its health
  Instant up_since = Instant::min();    // slow start counts from then
  Instant busy_until = Instant::min();  // no new work before that
};

struct GroupStatus {
  bool is_panicking = false;  // too few are up: health is ignored
};

struct PoolStatus {
  std::vector<ServerStatus> servers;  // by ServerIndex
  std::vector<GroupStatus> groups;    // by GroupIndex

  // All unknown, and so usable.
  PoolStatus(size_t server_count, size_t group_count)
      : servers(server_count), groups(group_count) {}

  // True where new work may go to this server, as far as health and operator are concerned.
  // Requires: the server is of this group.
  [[nodiscard]] bool takes_new_work(GroupIndex group, ServerIndex server, Instant now) const {
    const ServerStatus& status = servers[server];
    const bool is_alive = status.health != HealthState::Down || groups[group].is_panicking;
    return status.operator_state == OperatorState::Ready && is_alive && now >= status.busy_until;
  }
  // True where nothing at all may be sent to this server.
  [[nodiscard]] bool is_shut(ServerIndex server) const {
    return servers[server].operator_state == OperatorState::Maint;
  }
};

}  // namespace siplb::balance
