// How many calls each server has: reserved (an INVITE is under way) and active (answered 2xx).
//
// Shared by all lanes, since max_calls is one limit: the only balancing value with several writers.
// Thread: any, synchronised inside. Bounds: one cell per server; never negative, and far from 2^32,
// since each call that is counted has an entry in a call table (affinity.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "balance/topology.h"

namespace siplb::balance {

// What an entry of the call table says of its call.
enum class CallState : uint8_t {
  Uncounted,
  Reserved,  // its INVITE is under way
  Active,    // answered 2xx
  Ended,     // its BYE was answered: what still comes counts it no more
};
[[nodiscard]] constexpr bool is_counted(CallState state) {
  return state == CallState::Reserved || state == CallState::Active;
}

class CallCounts {
 public:
  explicit CallCounts(size_t server_count);
  [[nodiscard]] static size_t memory_octets(size_t server_count);
  [[nodiscard]] size_t server_count() const { return cells_.size(); }

  // Takes a call slot; false where the server has `max` calls already. 0: no limit.
  [[nodiscard]] bool try_reserve(ServerIndex server, uint32_t max);
  // A reserved call was answered. One that was never reserved is counted as an underflow and
  // changes nothing.
  void activate(ServerIndex server);
  // A call that is known to be there, beyond any limit: after a restart, or answered unexpectedly.
  void add_active(ServerIndex server);
  // Gives the slot back. Requires: is_counted(state). One that was never taken is counted as
  // an underflow and changes nothing.
  void release(ServerIndex server, CallState state);

  [[nodiscard]] uint32_t reserved(ServerIndex server) const;
  [[nodiscard]] uint32_t active(ServerIndex server) const;
  // reserved + active.
  [[nodiscard]] uint32_t calls(ServerIndex server) const;
  // Slots given back or activated that nobody had taken: anything but 0 is a bug.
  [[nodiscard]] uint64_t underflow_count() const;

 private:
  // Both counts in one word, so that their sum is limited by one compare-and-swap.
  struct alignas(64) Cell {
    std::atomic<uint64_t> counts{0};
  };
  std::vector<Cell> cells_;
  std::atomic<uint64_t> underflows_{0};
};

}  // namespace siplb::balance
