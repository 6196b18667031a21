#include "balance/pool_status.h"

namespace siplb::balance {

std::string_view name(OperatorState state) {
  switch (state) {
    case OperatorState::Ready: return "ready";
    case OperatorState::Drain: return "drain";
    case OperatorState::Maint: return "maint";
    case OperatorState::kCount: break;
  }
  return {};
}

std::string_view name(Obstacle obstacle) {
  switch (obstacle) {
    case Obstacle::None: break;
    case Obstacle::Weight: return "weight";
    case Obstacle::Tried: return "tried";
    case Obstacle::Drained: return "drained";
    case Obstacle::Maintenance: return "maintenance";
    case Obstacle::Down: return "down";
    case Obstacle::Busy: return "busy";
    case Obstacle::Calls: return "calls";
    case Obstacle::Inflight: return "inflight";
  }
  return {};
}

}  // namespace siplb::balance
