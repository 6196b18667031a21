// The client side of any other request, our own CANCELs and BYEs among them (RFC 3261, 17.1.2).
//
//            request sent
//                 |        E: send again, the pause growing to T2
//                 v       .-----.
//             [Trying] <--'     |------- F: TimedOut ---> [Terminated]
//              |    \                                         ^
//          1xx |     \ 200-699                                |
//              v      `-----------> [Completed] --------------'
//        [Proceeding] -- 200-699 ------^          K: the store's
//         E: send again every T2
//         F: TimedOut
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
  Answer on_response(uint16_t status, Instant now, const TimerOptions& timers);
  Due on_timer(const TimerOptions& timers, Instant now);
  void on_transport_error();
  void stop_repeating();

  [[nodiscard]] std::optional<Instant> deadline(const TimerOptions& timers) const;
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] Instant sent_at() const { return sent_at_; }
  [[nodiscard]] bool is_waiting() const { return state_ == State::Trying; }
  [[nodiscard]] bool is_pending() const { return state_ <= State::Proceeding; }

 private:
  Instant sent_at_{};
  State state_ = State::Terminated;
  bool repeats_ = false;
  uint8_t repeat_count_ = 0;
};
static_assert(sizeof(NonInviteClient) == 16);

}  // namespace siplb::transaction
