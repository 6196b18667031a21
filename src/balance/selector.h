// Who gets a new request: the group's policy among the servers that take new work (DESIGN 6).
//
// Tiers in order: the first that has a server which is usable and not full, by weight, health,
// operator, max_calls and max_inflight. Within it by policy:
//   maglev       the key's own server; the keys of one that takes nothing spread over the others,
//                by a second hash of key and attempt, so that nobody else's keys move
//   round-robin  smooth, weighted
//   random       by weight
//   least-load   of two drawn by weight, the one with less in flight x answer time / weight
//   least-calls  the one with the most free call slots for its weight, of all
// A server in slow start gets a share of its weight that grows from kSlowStartMin to all of it.
// Pure but for the turns and draws that it keeps. Thread: one, the lane's worker. Bounds: 8 octets
// per server; no heap but in the constructor.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "balance/call_counts.h"
#include "balance/load_board.h"
#include "balance/pool_status.h"
#include "balance/topology.h"

namespace siplb::balance {

class Selector {
 public:
  static constexpr uint32_t kSlowStartMinPercent = 10;

  // Borrowed for the selector's life; of two selectors with another seed the turns begin elsewhere.
  Selector(const LoadBoard& load, const CallCounts& calls, size_t server_count, uint64_t seed);

  // What is chosen from, and what for. Borrowed for the call.
  struct Wanted {
    const Topology& topology;
    const PoolStatus& status;
    GroupIndex group = 0;
    uint64_t key_hash = 0;
    std::span<const ServerIndex> tried;  // never these
    bool is_call = false;                // an INVITE: max_calls counts
    Instant now;
  };
  enum class Outcome : uint8_t {
    Chosen,
    Full,      // somebody is usable, but all of those are full
    Unusable,  // nobody is
  };
  struct Choice {
    Outcome outcome = Outcome::Unusable;
    ServerIndex server = kNoServer;
  };
  [[nodiscard]] Choice choose(const Wanted& wanted);
  // True where choose() would choose somebody.
  [[nodiscard]] bool has_choice(const Wanted& wanted) const;
  // True where this one server of the group would do: for a request that must go where its call is.
  [[nodiscard]] bool is_eligible(const Wanted& wanted, ServerIndex server) const;

 private:
  const LoadBoard& load_;
  const CallCounts& calls_;
  std::vector<int64_t> credits_;  // of round robin, by server
  uint64_t seed_;
  uint64_t draw_count_ = 0;
};

}  // namespace siplb::balance
