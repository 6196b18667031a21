#include "load/call_stats.h"

#include <numeric>

namespace siplb::load {

uint8_t ServerShares::place_of(std::string_view name) {
  if (name.empty()) return 0;
  for (size_t place = 1; place < size_; ++place) {
    if (shares_[place].name == name) return static_cast<uint8_t>(place);
  }
  if (size_ == shares_.size() || !shares_[size_].name.try_append(name)) return 0;
  return static_cast<uint8_t>(size_++);
}

uint64_t CallStats::failed() const {
  return std::accumulate(failures_by_code.begin(), failures_by_code.end(),
                         timeouts + disconnected + oversized);
}

bool CallStats::all_well() const {
  return started > 0 && succeeded == started && not_started == 0 && misroutes == 0;
}

}  // namespace siplb::load
