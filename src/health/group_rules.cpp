#include "health/group_rules.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/assert.h"

namespace siplb::health {
namespace {

using balance::HealthState;

bool counts(const ProbeTarget& target) {
  return target.operator_state == balance::OperatorState::Ready && target.weight > 0 &&
         target.address.family() != SockAddress::Family::None;
}

}  // namespace

void find_panics(const ProbePlan& plan, balance::PoolStatus& status) {
  SIPLB_ASSERT(status.servers.size() == plan.targets.size());
  SIPLB_ASSERT(status.groups.size() == plan.groups.size());
  struct Weight {
    uint64_t all = 0;
    uint64_t usable = 0;
  };
  std::array<Weight, balance::kGroupsMax> weights{};
  for (size_t i = 0; i < plan.targets.size(); ++i) {
    const ProbeTarget& target = plan.targets[i];
    if (!counts(target)) continue;
    Weight& weight = weights[target.group];
    weight.all += target.weight;
    if (status.servers[i].health != HealthState::Down) weight.usable += target.weight;
  }
  for (size_t g = 0; g < plan.groups.size(); ++g) {
    const Weight& weight = weights[g];
    status.groups[g].is_panicking =
        weight.all > 0 && weight.usable * 100 <= weight.all * plan.groups[g].panic_below;
  }
}

bool may_pause(const ProbePlan& plan, const balance::PoolStatus& status,
               balance::ServerIndex server, Instant now) {
  const balance::GroupIndex group = plan.targets[server].group;
  size_t usable = 0;
  size_t paused = 1;  // with this one
  for (size_t i = 0; i < plan.targets.size(); ++i) {
    const ProbeTarget& target = plan.targets[i];
    const balance::ServerStatus& is = status.servers[i];
    if (target.group != group || !counts(target) || is.health == HealthState::Down) continue;
    ++usable;
    if (i != server && now < is.busy_until) ++paused;
  }
  return paused <= usable / 2;
}

}  // namespace siplb::health
