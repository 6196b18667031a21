// The client side of an INVITE (RFC 3261, 17.1.1, as amended by RFC 6026, 7.2).
//
//            INVITE sent
//                 |     A, over datagrams: send again, the pause doubling
//                 v    .-----.
//             [Calling] <----'-- B: TimedOut, or transport error --> [Terminated]
//              |  |  |
//              |  |  | 300-699: ACK
//              |  |  `--------------------> [Completed]   300-699: ACK again
//              |  | 1xx                          ^        D: the store's
//              |  v                              |
//              | [Proceeding] -- 300-699: ACK ---'
//              |  |         `--- transport error, or nothing came of a CANCEL --> [Terminated]
//              |  |
//          2xx |  | 2xx
//              v  v
//             [Accepted]   2xx: passed on again
//                          M: the store's
//
// D and M only bound how long a finished transaction is remembered; whoever stores it does that
// (table.h), so the machine has no timer in Completed and Accepted. It has none in Proceeding
// either: how long the other end may ring is the proxy's to say (C).
// Pure: no clock, no I/O. Thread: one. Bounds: 16 octets.
#pragma once

#include <optional>

#include "transaction/timers.h"

namespace siplb::transaction {

class InviteClient {
 public:
  enum class State : uint8_t { Calling, Proceeding, Completed, Accepted, Terminated };
  // What a timer that fired asks for.
  enum class [[nodiscard]] Due : uint8_t{Nothing, Repeat, TimedOut};
  // What to do with a response.
  enum class [[nodiscard]] Answer : uint8_t{
      Pass,        // to the transaction user
      PassAndAck,  // the first non-2xx final
      AckAgain,    // a repeat of it
      Absorb,      // out of place
  };

  InviteClient() = default;
  // The request goes out at `now`.
  InviteClient(Hop hop, Instant now);

  Answer on_response(uint16_t status);
  // Nothing is due before deadline(). One Repeat stands for all that were missed when the call
  // comes late. TimedOut: Terminated from then on.
  Due on_timer(const TimerOptions& timers, Instant now);
  // The transport failed (17.1.4), or nothing came of a CANCEL (9.1): Terminated, unless a final
  // response has come.
  void on_transport_error();
  // A is over for good: the request is no longer wanted, but what comes of it still is.
  void stop_repeating();

  // When on_timer() has work; nothing where no timer runs.
  [[nodiscard]] std::optional<Instant> deadline(const TimerOptions& timers) const;
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] Instant sent_at() const { return sent_at_; }  // first sending
  [[nodiscard]] bool has_repeated() const { return repeat_count_ > 0; }
  [[nodiscard]] bool is_waiting() const { return state_ == State::Calling; }
  // No final response and no time-out yet.
  [[nodiscard]] bool is_pending() const { return state_ <= State::Proceeding; }

 private:
  [[nodiscard]] Instant repeat_at(const TimerOptions& timers) const;

  Instant sent_at_{};
  uint32_t repeat_count_ = 0;  // made or missed
  State state_ = State::Terminated;
  bool repeats_ = false;
};
static_assert(sizeof(InviteClient) == 16);

}  // namespace siplb::transaction
