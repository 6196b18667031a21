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
#include "net/mailbox.h"
#include "proxy/context_store.h"
#include "transport/connection_census.h"
#include "transport/lane_sockets.h"
#include "transport/message_slots.h"
#include "transport/stream_options.h"

namespace siplb::app {

// Who looks at what the prober publishes besides the workers: control, metrics and supervisor.
inline constexpr size_t kStatusReaders = 3;

struct Sizing {
  size_t workers = 1;
  size_t lanes = 4;    // of all workers
  size_t servers = 0;  // places for them, in all groups together
  // Per worker.
  transport::MessageSlotsOptions slots;
  transport::MessageSlotsOptions held;
  net::MailboxOptions mailbox;
  // Per lane; the table's entries are powers of two.
  transport::LaneSocketsOptions sockets;
  size_t call_entries = 0;
  size_t other_entries = 0;
  size_t moved_entries = 0;
  proxy::ContextStoreOptions contexts;

  // What follows is meant only where a listener has TCP.
  bool has_streams = false;
  transport::MessageSlotsOptions unfinished;  // per worker
  transport::StreamOptions streams;           // per lane
  transport::ConnectionCensusOptions census;  // of all lanes; the seed is its owner's to draw
};

// `lanes`: as many as there are already, whatever the file says. Requires: `configuration` was
// loaded without faults; usable_cores >= 1.
[[nodiscard]] Sizing derive_sizing(const config::Configuration& configuration, size_t usable_cores,
                                   std::optional<size_t> lanes = std::nullopt);

struct Consumer {
  std::string_view name;  // "affinity-calls": the label `consumer` of siplb_memory_budget_bytes
  size_t octets = 0;
  std::string derivation;  // "8 lanes x 65536 entries x 32"
};

class MemoryBudget {
 public:
  MemoryBudget(const config::Configuration& configuration, const Sizing& sizing);

  [[nodiscard]] const std::vector<Consumer>& consumers() const { return consumers_; }
  [[nodiscard]] size_t sum() const;
  // global.memory
  [[nodiscard]] size_t ceiling() const { return ceiling_; }
  // What is wrong, for people, where the sum is above global.memory.
  [[nodiscard]] std::optional<std::string> fault() const;
  // All of it, for people: one line per consumer, the sum and the ceiling.
  [[nodiscard]] std::string table() const;

 private:
  void add_streams(const Sizing& sizing);

  std::vector<Consumer> consumers_;
  // What the sockets may hold in the kernel: no memory of ours, so outside the sum.
  Consumer kernel_;
  size_t ceiling_ = 0;
};

}  // namespace siplb::app
