#include "app/fixed_settings.h"

#include <algorithm>
#include <array>

namespace siplb::app {
namespace {

using config::Configuration;

struct FixedSetting {
  std::string_view key;
  bool (*is_same)(const Configuration&, const Configuration&);
};

#define SIPLB_FIXED(key, member)                                                             \
  {                                                                                          \
    key, [](const Configuration& a, const Configuration& b) { return a.member == b.member; } \
  }

constexpr auto kFixed = std::to_array<FixedSetting>({
    SIPLB_FIXED("global.workers", global.workers),
    SIPLB_FIXED("global.lanes", global.lanes),
    SIPLB_FIXED("global.memory", global.memory_bytes),
    SIPLB_FIXED("global.key_file", global.key_file),
    SIPLB_FIXED("global.nameservers", global.nameservers),
    SIPLB_FIXED("global.shutdown_grace", global.shutdown_grace),
    SIPLB_FIXED("global.log.format", global.log.format),
    SIPLB_FIXED("limits.message_bytes", limits.message_bytes),
    SIPLB_FIXED("limits.transactions", limits.transactions),
    SIPLB_FIXED("limits.calls", limits.calls),
    SIPLB_FIXED("limits.servers", limits.servers),
    SIPLB_FIXED("limits.call_expiry", limits.call_expiry),
    SIPLB_FIXED("limits.socket_receive", limits.socket_receive_bytes),
    SIPLB_FIXED("limits.connections", limits.connections),
    SIPLB_FIXED("limits.connections_per_source", limits.connections_per_source),
    SIPLB_FIXED("limits.connection_queue", limits.connection_queue),
    SIPLB_FIXED("limits.connection_queue_bytes", limits.connection_queue_bytes),
    SIPLB_FIXED("timers.t1", timers.t1),
    SIPLB_FIXED("timers.t2", timers.t2),
    SIPLB_FIXED("timers.t4", timers.t4),
    SIPLB_FIXED("timers.invite", timers.invite),
    SIPLB_FIXED("timers.non_invite", timers.non_invite),
    SIPLB_FIXED("timers.ringing", timers.ringing),
    SIPLB_FIXED("timers.connect", stream_timers.connect),
    SIPLB_FIXED("timers.first_octet", stream_timers.first_octet),
    SIPLB_FIXED("timers.message", stream_timers.message),
    SIPLB_FIXED("timers.idle", stream_timers.idle),
    SIPLB_FIXED("timers.stalled", stream_timers.stalled),
    SIPLB_FIXED("metrics.address", metrics.address),
    SIPLB_FIXED("admin.socket", admin.socket),
    SIPLB_FIXED("admin.read_socket", admin.read_socket),
});
#undef SIPLB_FIXED

bool has_tcp(const Configuration& configuration) {
  return std::any_of(configuration.listeners.begin(), configuration.listeners.end(),
                     [](const auto& listener) { return listener.has(sip::Transport::Tcp); });
}

// Longer than any at start: what waits for a stream would be given up before its time.
bool is_too_patient(const Configuration& configuration, const Sizing& sizing) {
  return std::any_of(configuration.groups.begin(), configuration.groups.end(),
                     [&](const balance::GroupOptions& group) {
                       return group.failover.first_response_timeout > sizing.streams.timers.queued;
                     });
}

}  // namespace

std::vector<std::string> fixed_settings_changed(const Configuration& running,
                                                const Configuration& wanted, const Sizing& sizing) {
  std::vector<std::string> changed;
  for (const FixedSetting& each : kFixed) {
    if (!each.is_same(running, wanted)) changed.emplace_back(each.key);
  }
  if (!sizing.has_streams && has_tcp(wanted)) {
    changed.emplace_back("the first listener with tcp (nothing was set aside for connections)");
  }
  if (sizing.has_streams && is_too_patient(wanted, sizing)) {
    changed.emplace_back("a failover.first_response_timeout longer than all that there were");
  }
  return changed;
}

std::vector<std::string_view> fixed_settings() {
  std::vector<std::string_view> keys;
  for (const FixedSetting& each : kFixed) keys.push_back(each.key);
  return keys;
}

}  // namespace siplb::app
