#include "balance/affinity_entry.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

namespace siplb::balance {

// Order matters to the fold, so that swapped or shifted fields are noticed too.
uint16_t check_of(AffinityEntry entry) {
  entry.check = 0;
  uint64_t fold = 0;
  for (const uint64_t word : std::bit_cast<std::array<uint64_t, 4>>(entry)) {
    fold = std::rotl(fold ^ word, 29) * 0x9e3779b97f4a7c15;
  }
  return static_cast<uint16_t>(fold >> 48);
}

bool is_whole(const AffinityEntry& entry) {
  return entry.key != 0 && entry.check == check_of(entry);
}

bool is_table(std::span<const AffinityEntry> region) {
  return region.empty() ||
         (region.size() % kAffinityWays == 0 && std::has_single_bit(region.size() / kAffinityWays));
}

// Of the key the high half counts: the keys of one lane may share low bits.
std::span<AffinityEntry> set_of(std::span<AffinityEntry> region, uint64_t key) {
  if (region.empty()) return {};
  const size_t set_count = region.size() / kAffinityWays;
  return region.subspan((key >> 32 & (set_count - 1)) * kAffinityWays, kAffinityWays);
}

void carry_over(std::span<const AffinityEntry> from, std::span<AffinityEntry> to) {
  const auto last_use = [](const AffinityEntry& entry) {
    return entry.key == 0 ? std::numeric_limits<int64_t>::min() : entry.touched_s;
  };
  for (const AffinityEntry& entry : from) {
    const std::span<AffinityEntry> set = set_of(to, entry.key);
    if (!is_whole(entry) || set.empty()) continue;
    AffinityEntry& oldest = *std::min_element(
        set.begin(), set.end(),
        [&](const auto& left, const auto& right) { return last_use(left) < last_use(right); });
    if (last_use(oldest) < entry.touched_s) oldest = entry;
  }
}

}  // namespace siplb::balance
