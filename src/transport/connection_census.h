// How many connections there are, in all and of each source, and which of them live: what all lanes
// share of them.
//
// The kernel spreads one source's connections over all lanes, so only a common count can bound
// them. Sources are counted by two seeded hashes each, in two rows of counters, and the smaller
// counts: two sources may share a counter, hardly ever both. IPv6 sources count by their /64.
// Connections that we open ourselves are not counted here: their number is bounded by the lanes.
// Whether a connection lives is known to every thread, so that a message for one that has ended is
// sent elsewhere at once; it may end the moment after.
// Thread: any. Bounds: the options; no heap after the constructor.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/address.h"
#include "transport/connection_id.h"

namespace siplb::transport {

struct ConnectionCensusOptions {
  size_t lanes = 1;
  size_t channels = 1024;                // per lane
  size_t connections_max = 20000;        // accepted ones
  size_t connections_per_source = 1000;  // accepted ones
  uint64_t seed = 0;                     // random, so that nobody can aim at another's counters
};

enum class [[nodiscard]] Admission : uint8_t{Admitted, Full, SourceFull, kCount};

class ConnectionCensus {
 public:
  explicit ConnectionCensus(const ConnectionCensusOptions& options);
  [[nodiscard]] static size_t memory_octets(const ConnectionCensusOptions& options);

  // Counts a connection of `source`, if it is admitted.
  Admission admit(const SockAddress& source);
  // It has ended. Requires: admitted.
  void leave(const SockAddress& source);
  [[nodiscard]] size_t accepted() const { return accepted_.load(std::memory_order_relaxed); }

  // By the lane that has it: `id` begins or ceases to live.
  void set_alive(ConnectionId id);
  void set_ended(ConnectionId id);
  // False too for what no connection of this process is named.
  [[nodiscard]] bool is_alive(ConnectionId id) const;

 private:
  static constexpr size_t kRowLength = size_t{1} << 15;

  struct Rows {
    std::atomic<uint32_t>& first;
    std::atomic<uint32_t>& second;
  };
  [[nodiscard]] Rows rows_of(const SockAddress& source);

  const ConnectionCensusOptions options_;
  std::atomic<size_t> accepted_{0};
  std::vector<std::atomic<uint32_t>> sources_;  // two rows
  std::vector<std::atomic<uint32_t>> living_;   // generations by lane and slot; 0 = none
};

}  // namespace siplb::transport
