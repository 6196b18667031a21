// Maglev hashing: a table that gives each server its weight's share of keys, and moves few keys
// when a server comes or goes (Eisenbud et al., NSDI 2016, 3.4).
//
// Built once from all configured servers whatever their health, so that every restart and node
// agrees. Size: the first prime >= max(65,537, 100 x servers). Each member has its exact share of
// the entries, rounded up or down to a whole one. Thread: any, immutable once built. Bounds: one
// uint16_t per entry.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace siplb::balance {

struct MaglevMember {
  uint32_t id = 0;      // what its permutation is made from: stable over restarts
  uint32_t weight = 0;  // 0: gets no entry; so may less than 1/size() of the sum
};

class MaglevTable {
 public:
  // Requires: 1 to 4096 members, one of them with a weight above 0. Members with equal ids and
  // weights in another order give the same shares and the same owners.
  explicit MaglevTable(std::span<const MaglevMember> members);

  [[nodiscard]] size_t size() const { return entries_.size(); }
  // Position of the member that owns `hash`: that of entry `hash` mod size().
  [[nodiscard]] uint16_t owner(uint64_t hash) const;

 private:
  std::vector<uint16_t> entries_;
};

// The table's size for that many members: what the memory budget counts.
[[nodiscard]] size_t maglev_table_size(size_t members);

}  // namespace siplb::balance
