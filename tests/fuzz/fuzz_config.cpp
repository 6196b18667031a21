// Arbitrary octets as a configuration file: reading ends, every fault has a message, and what is
// accepted keeps the promises that the rest of siplb builds on.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "app/memory_budget.h"
#include "base/assert.h"
#include "config/load.h"

namespace {

using namespace siplb;

void check_promises(const config::Configuration& configuration) {
  SIPLB_ASSERT(!configuration.listeners.empty());
  SIPLB_ASSERT(configuration.listeners.size() <= transport::kListenersMax);
  SIPLB_ASSERT(!configuration.groups.empty());
  SIPLB_ASSERT(configuration.groups.size() <= balance::kGroupsMax);
  for (const balance::GroupOptions& group : configuration.groups) {
    uint32_t weights = 0;
    for (const balance::ServerOptions& server : group.servers) weights += server.weight;
    SIPLB_ASSERT(weights > 0);
  }
  SIPLB_ASSERT(!configuration.routes.empty());
  for (const proxy::RouteOptions& route : configuration.routes) {
    SIPLB_ASSERT(route.group < configuration.groups.size());
    SIPLB_ASSERT(!route.from_group || *route.from_group < configuration.groups.size());
    SIPLB_ASSERT(route.action != proxy::RouteAction::Reject || route.reject_code >= 400);
  }
}

void check_sizing(const app::Sizing& sizing) {
  SIPLB_ASSERT(sizing.workers >= 1 && sizing.workers <= sizing.lanes);
  SIPLB_ASSERT(std::has_single_bit(sizing.lanes) && sizing.lanes <= config::kLanesMax);
  SIPLB_ASSERT(std::has_single_bit(sizing.call_entries));
  SIPLB_ASSERT(std::has_single_bit(sizing.other_entries));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* octets, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(octets), size);
  const config::LoadResult result = config::load_text(text, "fuzzed.yaml", "/etc/siplb");
  for (const config::Fault& fault : result.faults) SIPLB_ASSERT(!fault.message.empty());
  SIPLB_ASSERT(result.faults.size() <= config::kFaultsMax);
  if (!result.good()) return 0;
  check_promises(result.configuration);
  const app::Sizing sizing = app::derive_sizing(result.configuration, 4);
  check_sizing(sizing);
  SIPLB_ASSERT(app::MemoryBudget(result.configuration, sizing).sum() > 0);
  return 0;
}
