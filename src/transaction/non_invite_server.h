// The server side of any other request (RFC 3261, 17.2.2, as amended by RFC 4320, 4.1).
//
//       request taken
//             |
//             v
//         [Trying] -- E at the client has grown to T2: SendTrying --> [Proceeding]
//             |                                                            |
//             | 200-699 sent                                  200-699 sent |
//             v                                                            |
//        [Completed] <-----------------------------------------------------'
//
// A repeat of the request is absorbed in Trying, else answered with what was sent last. Over a
// stream, where nobody repeats it, no late 100 is sent, though RFC 4320 asks for one.
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
  // What a repeat of the request asks for.
  enum class [[nodiscard]] Repeat : uint8_t{Absorb, SendTrying, SendFinal};

  NonInviteServer() = default;
  NonInviteServer(Hop hop, Instant now);

  // A final response was sent.
  void on_final();
  Repeat on_request() const;
  // Nothing is due before deadline(). SendTrying: Proceeding from then on.
  Due on_timer(const TimerOptions& timers, Instant now);

  // When on_timer() has work; nothing where no timer runs.
  [[nodiscard]] std::optional<Instant> deadline(const TimerOptions& timers) const;
  [[nodiscard]] State state() const { return state_; }

 private:
  Instant since_{};
  State state_ = State::Completed;
  Hop hop_ = Hop::Datagram;
};
static_assert(sizeof(NonInviteServer) == 16);

}  // namespace siplb::transaction
