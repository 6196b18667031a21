// The server side of any other request (RFC 3261, 17.2.2, as amended by RFC 4320, 4.1).
//
//      request taken
//            |     once E has grown to T2 at the client: SendTrying, one late 100
//            v
//       [Trying] -- late 100 sent --> [Proceeding]
//            | 200-699 sent                | 200-699 sent
//            v                             v
//       [Completed] <----------------------'     J: the store's
//
// J only bounds how long a finished transaction is remembered (table.h).
// Pure: no clock, no I/O. Thread: one. Bounds: 16 octets.
#pragma once

#include <optional>

#include "transaction/timers.h"

namespace siplb::transaction {

class NonInviteServer {
 public:
  enum class State : uint8_t { Trying, Proceeding, Completed };
  enum class [[nodiscard]] Due : uint8_t{Nothing, SendTrying};
  enum class [[nodiscard]] Repeat : uint8_t{Absorb, SendTrying, SendFinal};

  NonInviteServer() = default;
  NonInviteServer(Hop hop, Instant now);

  // A final response was sent.
  void on_final();
  Repeat on_request() const;
  // SendTrying: Proceeding from then on.
  Due on_timer(const TimerOptions& timers, Instant now);

  [[nodiscard]] std::optional<Instant> deadline(const TimerOptions& timers) const;
  [[nodiscard]] State state() const { return state_; }

 private:
  Instant since_{};
  State state_ = State::Completed;
  Hop hop_ = Hop::Datagram;
};
static_assert(sizeof(NonInviteServer) == 16);

}  // namespace siplb::transaction
