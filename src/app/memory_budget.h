// How much of everything there is, and what it all costs: the sum is known before anything runs.
//
// derive_sizing() is the one place where sizes come from: what the file does not set follows from
// global.memory and the machine. The budget then adds up every consumer by name; start is refused
// when the sum is above global.memory.
// Thread: any, immutable once built.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/configuration.h"

namespace siplb::app {

struct Sizing {
  size_t workers = 1;
  size_t lanes = 4;
  // Per worker: slots that messages wait in, by the transport's three sizes.
  size_t small_slots = 0;
  size_t medium_slots = 0;
  size_t large_slots = 0;
  size_t mailbox_entries = 0;     // per worker
  size_t send_queue_entries = 0;  // per lane
  // Per lane, both a power of two.
  size_t call_entries = 0;
  size_t other_entries = 0;
};

// Requires: `configuration` was loaded without faults; usable_cores >= 1.
[[nodiscard]] Sizing derive_sizing(const config::Configuration& configuration, size_t usable_cores);

struct Consumer {
  std::string_view name;  // "affinity-calls": the label `consumer` of siplb_memory_budget_bytes
  size_t octets = 0;
  std::string derivation;  // "8 lanes x 65,536 entries x 32"
};

class MemoryBudget {
 public:
  MemoryBudget(const config::Configuration& configuration, const Sizing& sizing);

  [[nodiscard]] const std::vector<Consumer>& consumers() const { return consumers_; }
  [[nodiscard]] size_t sum() const;
  // What the sockets may hold in the kernel: no memory of ours, so outside the sum.
  [[nodiscard]] size_t kernel_bytes() const { return kernel_bytes_; }
  // What is wrong, for people, where the sum is above global.memory.
  [[nodiscard]] std::optional<std::string> fault() const;
  // All of it, for people: one line per consumer, the sum and the ceiling.
  [[nodiscard]] std::string table() const;

 private:
  std::vector<Consumer> consumers_;
  size_t ceiling_ = 0;
  size_t kernel_bytes_ = 0;
};

}  // namespace siplb::app
