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

// Why a server gets no new work; of several the first.
enum class Obstacle : uint8_t {
  None,
  Weight,  // is 0
  Tried,   // it has had this request before
  Drained,
  Maintenance,
  Down,
  Busy,      // it has answered 503 a moment ago
  Calls,     // as many as max_calls
  Inflight,  // as many as max_inflight
};
[[nodiscard]] std::string_view name(Obstacle obstacle);

struct PoolStatus {
  std::vector<ServerStatus> servers;  // by ServerIndex
  std::vector<GroupStatus> groups;    // by GroupIndex

  // All unknown, and so usable.
  PoolStatus(size_t server_count, size_t group_count)
      : servers(server_count), groups(group_count) {}

  // What health and operator have against new work. Requires: the server is of this group.
  [[nodiscard]] Obstacle obstacle(GroupIndex group, ServerIndex server, Instant now) const {
    const ServerStatus& status = servers[server];
    if (status.operator_state == OperatorState::Drain) return Obstacle::Drained;
    if (status.operator_state == OperatorState::Maint) return Obstacle::Maintenance;
    const bool is_alive = status.health != HealthState::Down || groups[group].is_panicking;
    if (!is_alive) return Obstacle::Down;
    return now < status.busy_until ? Obstacle::Busy : Obstacle::None;
  }
  [[nodiscard]] bool takes_new_work(GroupIndex group, ServerIndex server, Instant now) const {
    return obstacle(group, server, now) == Obstacle::None;
  }
  // True where nothing at all may be sent to this server.
  [[nodiscard]] bool is_shut(ServerIndex server) const {
    return servers[server].operator_state == OperatorState::Maint;
  }
};

}  // namespace siplb::balance
