#include "config/fault.h"

#include <algorithm>
#include <utility>

namespace siplb::config {

std::string to_text(const Fault& fault) {
  std::string text = fault.file + ":";
  if (fault.place.line != 0) {
    text += std::to_string(fault.place.line) + ":" + std::to_string(fault.place.column) + ":";
  }
  return text + " " + fault.message;
}

void FaultList::add(Place place, std::string message) {
  if (faults_.size() < kFaultsMax) faults_.push_back({file_, place, std::move(message)});
}

bool FaultList::has(Place place) const {
  return std::any_of(faults_.begin(), faults_.end(),
                     [&](const Fault& fault) { return fault.place == place; });
}

std::vector<Fault> FaultList::take_sorted() {
  std::stable_sort(faults_.begin(), faults_.end(),
                   [](const Fault& a, const Fault& b) { return a.place < b.place; });
  return std::exchange(faults_, {});
}

std::string shown(std::string_view text) {
  constexpr size_t kShownMax = 40;
  std::string out = "'";
  for (const char c : text.substr(0, kShownMax)) {
    const auto octet = static_cast<unsigned char>(c);
    out += octet < 0x20 || octet == 0x7f ? '?' : c;
  }
  return out + (text.size() > kShownMax ? "...'" : "'");
}

}  // namespace siplb::config
