// What all workers know of each server's load: requests in flight, and how fast it answers.
//
// Each worker writes its own cells and reads everybody's, without locks: a chooser looks at two
// candidates, so that a sum over all workers costs little.
// Thread: one writer per worker, any reader. Bounds: workers x servers cells of 64 octets; no heap
// after the constructor.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "balance/topology.h"
#include "base/time.h"

namespace siplb::balance {

class LoadBoard {
 public:
  LoadBoard(size_t worker_count, size_t server_count);
  [[nodiscard]] static size_t memory_octets(size_t worker_count, size_t server_count);

  // The worker's own: a request was sent with state; it has its final answer, or none will come.
  // An end without a beginning changes nothing.
  void on_begun(size_t worker, ServerIndex server);
  void on_ended(size_t worker, ServerIndex server);
  // The worker's own: the first verified response to a request, `after` it was sent; any further
  // one.
  void on_first_answer(size_t worker, ServerIndex server, Duration after, Instant now);
  void on_answer(size_t worker, ServerIndex server);

  // Requests in flight, of all workers.
  [[nodiscard]] uint32_t inflight(ServerIndex server) const;
  // Responses, of all workers: whoever sees it grow has proof of life.
  [[nodiscard]] uint64_t answer_count(ServerIndex server) const;
  // Peak-EWMA of the time to the first answer, the longest of all workers: it takes up a longer
  // time at once, and forgets it with a half-life of kHalfLife. So who is not asked any more looks
  // ever better, and is tried again. 0 where nothing is known.
  static constexpr Duration kHalfLife = std::chrono::seconds(2);
  [[nodiscard]] Duration answer_time(ServerIndex server, Instant now) const;

 private:
  struct alignas(64) Cell {
    std::atomic<uint32_t> inflight{0};
    std::atomic<uint64_t> answers{0};
    // A reader may meet the one with the other's predecessor: two first answers lie so close that
    // the difference does not matter.
    std::atomic<int64_t> peak_ns{0};
    std::atomic<int64_t> peak_at_ns{0};  // of the monotonic clock

    [[nodiscard]] Duration peak() const;
    [[nodiscard]] Duration age(Instant now) const;
  };
  [[nodiscard]] Cell& own_cell(size_t worker, ServerIndex server);
  [[nodiscard]] std::span<const Cell> cells_of(ServerIndex server) const;

  size_t worker_count_;
  std::vector<Cell> cells_;  // of one server after the other
};

}  // namespace siplb::balance
