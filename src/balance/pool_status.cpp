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

}  // namespace siplb::balance
