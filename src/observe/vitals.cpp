#include "observe/vitals.h"

#include <algorithm>

namespace siplb::observe {
namespace {

std::optional<Duration> slowest_self_probe(const health::Prober& prober) {
  using health::SelfProbeCounters;
  std::optional<Duration> slowest;
  for (size_t i = 0; i < transport::kListenersMax; ++i) {
    const auto listener = static_cast<transport::ListenerIndex>(i);
    const uint64_t last = prober.self_probes(listener).last_ns.value();
    if (last == SelfProbeCounters::kNone) continue;
    if (last == SelfProbeCounters::kLost) return Vitals::kLost;
    slowest = std::max(slowest.value_or(Duration::zero()), Duration(last));
  }
  return slowest;
}

}  // namespace

Vitals vitals(const MetricsSource& source) {
  Vitals sums;
  if (source.prober != nullptr) sums.self_probe = slowest_self_probe(*source.prober);
  const balance::PoolStatus* status =
      source.status == nullptr ? nullptr : &source.status->look(source.status_reader);
  const auto servers = source.snapshots.look(source.snapshot_reader).topology.servers();
  for (size_t s = 0; s < servers.size(); ++s) {
    const auto index = static_cast<balance::ServerIndex>(s);
    if (source.calls != nullptr) sums.calls += source.calls->calls(index);
    if (servers[s].address.family() == SockAddress::Family::None) continue;
    ++sums.servers;
    const bool is_down =
        status != nullptr && status->servers[index].health == balance::HealthState::Down;
    if (!is_down) ++sums.servers_up;
  }
  for (const auto& worker : source.workers) {
    for (size_t n = 0; n < worker->lane_count(); ++n) {
      for (const auto& of_transport : worker->lane(n).counters.received) {
        sums.messages += of_transport.sum();
      }
    }
  }
  return sums;
}

}  // namespace siplb::observe
