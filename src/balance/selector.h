// Who gets a new request: the group's policy among the servers that take new work (DESIGN 6).
//
// Tiers in order: the first that has a server which is usable and not full, by weight, health,
// operator, max_calls and max_inflight. Within it by policy:
//   maglev       the key's own server; the keys of one that takes nothing go on to the owners of
//                further hashes of the key, so that nobody else's keys move
//   round-robin  smooth, weighted
//   random       by weight
//   least-load   of two drawn by weight, the one with less in flight x answer time / weight
//   least-calls  the one with the most free call slots for its size, of all; what is no call, and
//                so changes none of that, goes round-robin
// A server in slow start gets a share of its weight that grows from kSlowStartMinPercent to all of
// it. Where all of a tier are in slow start, only what they differ by counts.
// Pure but for the turns and draws that it keeps. Thread: one, the lane's worker. Bounds: 12 octets
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
  // Below this, answer times are noise and only what is in flight counts.
  static constexpr Duration kAnswerTimeMin = std::chrono::milliseconds(1);

  // Borrowed for the selector's life; of two selectors with another seed the turns begin elsewhere.
  // With 0 they begin with the first server of the configuration.
  Selector(const LoadBoard& load, const CallCounts& calls, size_t server_count, uint64_t seed);
  [[nodiscard]] static size_t memory_octets(size_t server_count);

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
  // Why choose() would not choose this server. Requires: the server is of the group.
  [[nodiscard]] Obstacle obstacle(const Wanted& wanted, ServerIndex server) const;
  // True where this one server would do: for a request that must go where its call is.
  [[nodiscard]] bool is_eligible(const Wanted& wanted, ServerIndex server) const {
    return obstacle(wanted, server) == Obstacle::None;
  }

 private:
  // What a tier offers at this moment: others change loads and calls meanwhile.
  struct Offer {
    const Tier& tier;
    std::span<const uint32_t> weights;  // by position in the tier; 0: takes nothing
    uint64_t weight_sum = 0;
    uint32_t share_max = 0;  // of those that take something
  };

  // Of new work: from kSlowStartMinPercent to all of kWholeShare.
  [[nodiscard]] static uint32_t share_of(const Wanted& wanted, ServerIndex server);
  [[nodiscard]] Offer weigh(const Wanted& wanted, const Tier& tier);

  // Each returns a position in the tier. Requires: the sum of the weights is above 0.
  [[nodiscard]] size_t select(const Wanted& wanted, const Offer& offer);
  [[nodiscard]] static size_t select_by_key(const Wanted& wanted, const Offer& offer);
  [[nodiscard]] bool is_before(ServerIndex one, ServerIndex other) const;
  [[nodiscard]] size_t take_turn(const Offer& offer);
  [[nodiscard]] size_t select_less_loaded(const Wanted& wanted, const Offer& offer);
  [[nodiscard]] size_t select_least_called(const Wanted& wanted, const Offer& offer);

  // The next number of a sequence that differs from seed to seed.
  [[nodiscard]] uint64_t draw();

  const LoadBoard& load_;
  const CallCounts& calls_;
  std::vector<double> credits_;    // of round robin, by server: the turns that it is owed
  std::vector<uint32_t> weights_;  // of the offer at hand
  uint64_t seed_;
  uint64_t draw_count_ = 0;
};

}  // namespace siplb::balance
