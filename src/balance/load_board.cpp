#include "balance/load_board.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"

namespace siplb::balance {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// The octets of one writer: a load and a store do, where others would need a locked addition.
template <class T>
void add(std::atomic<T>& value, T n) {
  value.store(static_cast<T>(value.load(kRelaxed) + n), kRelaxed);
}

// What is left after `age` of a time that was measured.
Duration faded(Duration time, Duration age) {
  const double lives = std::chrono::duration<double>(std::max(age, Duration::zero())) /
                       std::chrono::duration<double>(LoadBoard::kHalfLife);
  return std::chrono::duration_cast<Duration>(time * std::exp2(-lives));
}

}  // namespace

LoadBoard::LoadBoard(size_t worker_count, size_t server_count)
    : worker_count_(worker_count), cells_(worker_count * server_count) {}

size_t LoadBoard::memory_octets(size_t worker_count, size_t server_count) {
  return worker_count * server_count * sizeof(Cell);
}

void LoadBoard::on_begun(size_t worker, ServerIndex server) {
  add(own_cell(worker, server).inflight, uint32_t{1});
}

void LoadBoard::on_ended(size_t worker, ServerIndex server) {
  std::atomic<uint32_t>& inflight = own_cell(worker, server).inflight;
  const uint32_t before = inflight.load(kRelaxed);
  if (before > 0) inflight.store(before - 1, kRelaxed);
}

void LoadBoard::on_answer(size_t worker, ServerIndex server) {
  add(own_cell(worker, server).answers, uint64_t{1});
}

void LoadBoard::on_first_answer(size_t worker, ServerIndex server, Duration after, Instant now) {
  on_answer(worker, server);
  Cell& cell = own_cell(worker, server);
  // A longer time counts in full at once; from there it falls towards what is measured now.
  const Duration above = std::max(cell.peak(), after) - after;
  cell.peak_ns.store((after + faded(above, cell.age(now))).count(), kRelaxed);
  cell.peak_at_ns.store(now.time_since_epoch().count(), kRelaxed);
}

uint32_t LoadBoard::inflight(ServerIndex server) const {
  uint32_t sum = 0;
  for (const Cell& cell : cells_of(server)) sum += cell.inflight.load(kRelaxed);
  return sum;
}

uint64_t LoadBoard::answer_count(ServerIndex server) const {
  uint64_t sum = 0;
  for (const Cell& cell : cells_of(server)) sum += cell.answers.load(kRelaxed);
  return sum;
}

Duration LoadBoard::answer_time(ServerIndex server, Instant now) const {
  Duration longest{};
  for (const Cell& cell : cells_of(server)) {
    longest = std::max(longest, faded(cell.peak(), cell.age(now)));
  }
  return longest;
}

Duration LoadBoard::Cell::peak() const {
  return Duration(peak_ns.load(kRelaxed));
}

Duration LoadBoard::Cell::age(Instant now) const {
  return now.time_since_epoch() - Duration(peak_at_ns.load(kRelaxed));
}

LoadBoard::Cell& LoadBoard::own_cell(size_t worker, ServerIndex server) {
  SIPLB_DASSERT(worker < worker_count_);
  return cells_[server * worker_count_ + worker];
}

std::span<const LoadBoard::Cell> LoadBoard::cells_of(ServerIndex server) const {
  return std::span(cells_).subspan(server * worker_count_, worker_count_);
}

}  // namespace siplb::balance
