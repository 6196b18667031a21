// The client side of any other request, our own CANCELs and BYEs among them (RFC 3261, 17.1.2).
//
//           request sent
//                 |    E, over datagrams: send again, the pause doubling up to T2
//                 v   .-----.
//             [Trying] <----'-- F: TimedOut, or transport error -----> [Terminated]
//              |  |                                                          ^
//              |  | 1xx       E: send again, from now on every T2            |
//              |  v          .-----.                                         |
//              | [Proceeding] <----'-- F: TimedOut, or transport error ------'
//              |  |
//      200-699 |  | 200-699
//              v  v
//             [Completed]   200-699: passed on again
//                           K: the store's
//
// A final response that comes again is passed on again: the request was repeated by the client, and
// the server's answer is what it waits for. K only bounds how long a finished transaction is
// remembered (table.h). Pure: no clock, no I/O. Thread: one. Bounds: 16 octets.
#pragma once

#include <optional>

#include "transaction/timers.h"

namespace siplb::transaction {

class NonInviteClient {
 public:
  enum class State : uint8_t { Trying, Proceeding, Completed, Terminated };
  enum class [[nodiscard]] Due : uint8_t{Nothing, Repeat, TimedOut};
  enum class [[nodiscard]] Answer : uint8_t{Pass, Absorb};

  NonInviteClient() = default;
  // The request goes out at `now`.
  NonInviteClient(Hop hop, Instant now);

  // 1xx are absorbed in every state: none is ever passed on (RFC 4320, 4.1). Finals pass, also
  // again; nothing passes once Terminated (RFC 4320, 4.2: no late final).
  Answer on_response(uint16_t status);
  // Nothing is due before deadline(). One Repeat stands for all that were missed when the call
  // comes late. TimedOut: Terminated from then on.
  Due on_timer(const TimerOptions& timers, Instant now);
  // The transport failed (17.1.4): Terminated, unless a final response has come.
  void on_transport_error();
  // E is over for good: the request is no longer wanted, but what comes of it still is.
  void stop_repeating();

  // When on_timer() has work; nothing where no timer runs.
  [[nodiscard]] std::optional<Instant> deadline(const TimerOptions& timers) const;
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] Instant sent_at() const { return sent_at_; }  // first sending
  [[nodiscard]] bool has_repeated() const { return repeat_count_ > 0; }
  [[nodiscard]] bool is_waiting() const { return state_ == State::Trying; }
  // No final response and no time-out yet.
  [[nodiscard]] bool is_pending() const { return state_ <= State::Proceeding; }

 private:
  // The pause doubles at most this often before it is T2, whatever T1: a Duration has 63 bits.
  static constexpr uint8_t kDoublingsMax = 63;

  [[nodiscard]] Instant repeat_at(const TimerOptions& timers) const;

  Instant sent_at_{};
  uint32_t repeat_count_ = 0;          // made or missed
  uint8_t doublings_ = kDoublingsMax;  // of the pause; after these it is T2
  State state_ = State::Terminated;
  bool repeats_ = false;
};
static_assert(sizeof(NonInviteClient) == 16);

}  // namespace siplb::transaction
