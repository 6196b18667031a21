// Where clients are now whose address changed while their dialogs go on: a NAT gave them another
// port, a phone another network (SIP.md 3, "Towards a client").
//
// A token seals the flow that its dialog began with. A request of the dialog that comes by another
// one is remembered here, and what the server sends from then on follows it. Found by the token's
// text, which nobody else can make.
// A fixed, set-associative table over memory that the caller owns; a full set gives up the entry
// that was used longest ago, whose client is then looked for where its token says.
// Thread: one, the lane's worker. Bounds: the region given; no heap.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/counter.h"
#include "base/time.h"
#include "transport/flow.h"

namespace siplb::proxy {

struct MovedFlow {
  uint64_t key = 0;  // 0 = free
  Instant used{};
  transport::Flow flow;
};

class MovedFlows {
 public:
  static constexpr size_t kWays = 4;

  // `evicted` counts entries that gave way. Requires: zeroed memory, empty or a power-of-two
  // multiple of kWays entries; an empty region stores nothing.
  MovedFlows(std::span<MovedFlow> entries, uint64_t seed, Counter& evicted)
      : entries_(entries), seed_(seed), evicted_(evicted) {}

  // The flow that the client of this token was last seen at; null where it has not moved. Lives
  // until the next put().
  [[nodiscard]] const transport::Flow* find(std::string_view token, Instant now);
  void put(std::string_view token, const transport::Flow& flow, Instant now);
  // The client is back where its token says.
  void erase(std::string_view token);

 private:
  [[nodiscard]] uint64_t key_of(std::string_view token) const;
  [[nodiscard]] std::span<MovedFlow> set_of(uint64_t key) const;
  [[nodiscard]] MovedFlow* find_entry(uint64_t key) const;

  std::span<MovedFlow> entries_;
  uint64_t seed_;
  Counter& evicted_;
};

}  // namespace siplb::proxy
