// How many of something each source address has, bounded for each, in memory of constant size.
//
// Two seeded hashes give each source a counter in each of two rows, and the smaller one counts: two
// sources may share a counter, hardly ever both. IPv6 sources count by their /64, which is what one
// subscriber gets.
// Thread: any. Bounds: constant size; no heap after the constructor.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/address.h"

namespace siplb::transport {

class SourceCounts {
 public:
  // `seed` is random, so that nobody can aim at another's counters.
  explicit SourceCounts(uint64_t seed) : seed_(seed), counters_(2 * kRowLength) {}
  [[nodiscard]] static constexpr size_t memory_octets() {
    return 2 * kRowLength * sizeof(std::atomic<uint32_t>);
  }

  // Counts one more of `source` unless it has `max`, and never more, whatever other threads do. Two
  // that ask for the last one at the same time may both be refused.
  [[nodiscard]] bool try_add(const SockAddress& source, size_t max);
  // Requires: added.
  void subtract(const SockAddress& source);

 private:
  static constexpr size_t kRowLength = size_t{1} << 15;

  struct Pair {
    std::atomic<uint32_t>& first;
    std::atomic<uint32_t>& second;
  };
  [[nodiscard]] Pair counters_of(const SockAddress& source);

  const uint64_t seed_;
  std::vector<std::atomic<uint32_t>> counters_;  // two rows
};

}  // namespace siplb::transport
