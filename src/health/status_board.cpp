#include "health/status_board.h"

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "health/group_rules.h"

namespace siplb::health {
namespace {

using balance::HealthReason;
using balance::HealthState;
using balance::OperatorState;
using balance::PoolStatus;
using balance::ServerIndex;
using balance::ServerStatus;

EventId event_of(HealthState state) {
  switch (state) {
    case HealthState::Up: return EventId::ServerUp;
    case HealthState::Down: return EventId::ServerDown;
    case HealthState::Unknown:
    case HealthState::kCount: break;
  }
  return EventId::ServerUnknown;
}

// Of a change from `before` to `after`, which differ in state or reason.
EventId event_of(const ServerStatus& before, const ServerStatus& after) {
  if (after.health == before.health) {
    if (after.reason == HealthReason::Busy) return EventId::ServerBusy;
    if (after.reason == HealthReason::Relieved) return EventId::ServerRelieved;
  }
  return event_of(after.health);
}

}  // namespace

StatusBoard::StatusBoard(const Options& options, EventRing& events)
    : events_(events),
      transitions_(options.server_count),
      published_(options.reader_count,
                 std::make_unique<PoolStatus>(options.server_count, options.group_count)),
      current_(options.server_count, options.group_count) {}

size_t StatusBoard::memory_octets(const Options& options) {
  // Each reader may look at another one, besides the newest, the current and one that is made.
  const size_t statuses = options.reader_count + 3;
  const size_t octets = options.server_count * sizeof(ServerStatus) +
                        options.group_count * sizeof(balance::GroupStatus);
  return statuses * octets + TransitionLog::memory_octets(options.server_count);
}

void StatusBoard::forget(ServerIndex server, HealthReason reason, Instant now) {
  ServerStatus& shown = current_.servers[server];
  shown = {.reason = reason, .operator_state = shown.operator_state, .changed_at = now};
  is_changed_ = true;
  record(server, reason, now);
  post(EventId::ServerUnknown, server, now);
}

void StatusBoard::show(ServerIndex server, const balance::ServerHealth& health, Instant now) {
  ServerStatus& shown = current_.servers[server];
  const ServerStatus before = shown;
  shown = {.health = health.state(),
           .reason = health.reason(),
           .operator_state = before.operator_state,
           .changed_at = health.changed_at(),
           .up_since = health.up_since(),
           .busy_until = health.busy_until()};
  is_changed_ = true;
  // A pause that is prolonged is news to lanes, but not to operators.
  if (shown.health == before.health && shown.reason == before.reason) return;
  record(server, shown.reason, now);
  post(event_of(before, shown), server, now);
}

void StatusBoard::show(ServerIndex server, OperatorState state, Instant now) {
  if (std::exchange(current_.servers[server].operator_state, state) == state) return;
  is_changed_ = true;
  record(server, HealthReason::Operator, now);
  events_.post(
      {.at = now, .id = EventId::ServerState, .args = {server, static_cast<int64_t>(state)}});
}

void StatusBoard::record(ServerIndex server, HealthReason reason, Instant now) {
  const ServerStatus& shown = current_.servers[server];
  transitions_.add(server, {.at = now,
                            .wall = std::chrono::system_clock::now(),
                            .health = shown.health,
                            .operator_state = shown.operator_state,
                            .reason = reason});
}

void StatusBoard::post(EventId id, ServerIndex server, Instant now) {
  const auto reason = static_cast<int64_t>(current_.servers[server].reason);
  events_.post({.at = now, .id = id, .args = {server, reason}});
}

void StatusBoard::publish(const ProbePlan& plan, Instant now) {
  if (!std::exchange(is_changed_, false)) return;
  const std::vector<balance::GroupStatus> before = current_.groups;
  find_panics(plan, current_);
  for (size_t g = 0; g < before.size(); ++g) {
    const bool is_panicking = current_.groups[g].is_panicking;
    if (is_panicking == before[g].is_panicking) continue;
    const EventId id = is_panicking ? EventId::PanicBegan : EventId::PanicEnded;
    events_.post({.at = now, .id = id, .args = {static_cast<int64_t>(g), 0}});
  }
  published_.publish(std::make_unique<PoolStatus>(current_));
}

}  // namespace siplb::health
