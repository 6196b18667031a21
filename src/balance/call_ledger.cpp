#include "balance/call_ledger.h"

#include <algorithm>

#include "base/assert.h"

namespace siplb::balance {

CallLedger::CallLedger(CallCounts* counts)
    : counts_(counts),
      taken_(counts != nullptr ? counts->server_count() : 0),
      tally_(taken_.size()) {}

size_t CallLedger::memory_octets(size_t server_count) {
  return 2 * server_count * sizeof(Slots);
}

bool CallLedger::try_reserve(ServerIndex server, uint32_t max) {
  if (!knows(server) || !counts_->try_reserve(server, max)) return false;
  ++taken_[server].reserved;
  ++slot_count_;
  return true;
}

void CallLedger::activate(ServerIndex server) {
  if (!knows(server) || taken_[server].reserved == 0) return;
  counts_->activate(server);
  --taken_[server].reserved;
  ++taken_[server].active;
}

void CallLedger::add(ServerIndex server, CallState state) {
  SIPLB_DASSERT(is_counted(state));
  if (!knows(server)) return;
  if (state == CallState::Active) {
    counts_->add_active(server);
  } else {
    static_cast<void>(counts_->try_reserve(server, 0));
  }
  ++taken_[server].of(state);
  ++slot_count_;
}

void CallLedger::hand_out(ServerIndex server) {
  if (!knows(server) || taken_[server].reserved == 0) return;
  --taken_[server].reserved;
  --slot_count_;
}

void CallLedger::take_in(ServerIndex server) {
  if (!knows(server)) return;
  ++taken_[server].reserved;
  ++slot_count_;
}

void CallLedger::release(ServerIndex server, CallState state) {
  SIPLB_DASSERT(is_counted(state));
  if (!knows(server) || taken_[server].of(state) == 0) return;
  counts_->release(server, state);
  --taken_[server].of(state);
  --slot_count_;
}

void CallLedger::tally(ServerIndex server, CallState state) {
  if (is_counted(state) && knows(server)) ++tally_[server].of(state);
}

void CallLedger::untally(ServerIndex server, CallState state) {
  if (!is_counted(state) || !knows(server)) return;
  uint32_t& tally = tally_[server].of(state);
  if (tally > 0) --tally;
}

uint64_t CallLedger::settle() {
  uint64_t differences = 0;
  for (size_t i = 0; i < taken_.size(); ++i) {
    const auto server = static_cast<ServerIndex>(i);
    differences += settle(server, CallState::Reserved) + settle(server, CallState::Active);
  }
  std::fill(tally_.begin(), tally_.end(), Slots{});
  return differences;
}

uint64_t CallLedger::settle(ServerIndex server, CallState state) {
  const uint32_t taken = taken_[server].of(state);
  const uint32_t tally = tally_[server].of(state);
  for (uint32_t i = tally; i < taken; ++i) release(server, state);
  for (uint32_t i = taken; i < tally; ++i) add(server, state);
  return std::max(taken, tally) - std::min(taken, tally);
}

}  // namespace siplb::balance
