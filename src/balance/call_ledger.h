// One lane's share of the call counts: which slots its call table (affinity.h) has taken.
//
// All lanes count in the same cells, so the sum cannot be checked against anything; a lane's own
// share can. A walk over the lane's table, a slice at a time, tallies what the entries hold; at its
// end the ledger takes the tally for what there is, since a torn entry cannot give its slot back.
// Whoever changes an entry that the walk has passed changes the tally too.
// Thread: one, the lane's worker. Bounds: 16 octets per server; no heap after the constructor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "balance/call_counts.h"

namespace siplb::balance {

class CallLedger {
 public:
  // `counts` is borrowed for the ledger's life. Null: it knows no servers.
  explicit CallLedger(CallCounts* counts);
  [[nodiscard]] static size_t memory_octets(size_t server_count);

  [[nodiscard]] bool knows(ServerIndex server) const { return server < taken_.size(); }

  [[nodiscard]] bool has_slots() const { return slot_count_ > 0; }

  // As in CallCounts, which follows. Of a server that it does not know, nothing is ever taken.
  // Requires: is_counted(state).
  [[nodiscard]] bool try_reserve(ServerIndex server, uint32_t max);
  void activate(ServerIndex server);
  // A call that is known to be there, beyond any limit.
  void add(ServerIndex server, CallState state);
  // A reserved slot leaves these books, or comes into them, and stays taken: whoever has it
  // meanwhile gives it back to the counts.
  void hand_out(ServerIndex server);
  void take_in(ServerIndex server);
  // A slot that this lane has not taken is another's, and stays.
  void release(ServerIndex server, CallState state);

  // An entry of the walked part holds this from now on, or no longer. What is not counted holds
  // nothing.
  void tally(ServerIndex server, CallState state);
  void untally(ServerIndex server, CallState state);
  // Ends the walk: takes or gives back slots until they are as tallied. Returns how many differed.
  [[nodiscard]] uint64_t settle();

 private:
  struct Slots {
    uint32_t reserved = 0;
    uint32_t active = 0;
    [[nodiscard]] uint32_t& of(CallState state) {
      return state == CallState::Reserved ? reserved : active;
    }
  };
  [[nodiscard]] uint64_t settle(ServerIndex server, CallState state);

  CallCounts* counts_;
  std::vector<Slots> taken_;  // by server
  uint64_t slot_count_ = 0;   // taken, of all servers
  std::vector<Slots> tally_;
};

}  // namespace siplb::balance
