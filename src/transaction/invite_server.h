// The server side of an INVITE (RFC 3261, 17.2.1, as amended by RFC 6026, 7.1).
//
//         INVITE taken
//              |      200 ms: SendTrying, unless something was sent
//              v
//        [Proceeding] -- 2xx sent --> [Accepted]      L: the store's
//              |
//              | 300-699 sent         G: SendFinal again, the pause growing to T2
//              v                     .-----.
//        [Completed] <---------------'     |-- H: GaveUp --> [Terminated]
//              | ACK
//              v
//        [Confirmed]      I: the store's
//
// L and I only bound how long a finished transaction is remembered (table.h).
// Pure: no clock, no I/O. Thread: one. Bounds: 16 octets.
#pragma once

#include <optional>

#include "transaction/timers.h"

namespace siplb::transaction {

class InviteServer {
 public:
  // 17.2.1: a 100 unless something better is sent within this time.
  static constexpr Duration kTryingAfter = std::chrono::milliseconds(200);

  enum class State : uint8_t { Proceeding, Accepted, Completed, Confirmed, Terminated };
  enum class [[nodiscard]] Due : uint8_t{Nothing, SendTrying, SendFinal, GaveUp};
  // What a repeat of the INVITE asks for.
  enum class [[nodiscard]] Repeat : uint8_t{SendProvisional, SendFinal, Absorb};

  InviteServer() = default;
  InviteServer(Hop hop, Instant now);

  // No 100 of our own accord: nobody would repeat the request in the client's stead.
  void leave_trying_to_server();
  // A provisional response was sent, 100 or better.
  void on_provisional();
  // A final response was sent. Requires: Proceeding.
  void on_final(uint16_t status, Instant now);
  // Returns true on the ACK that Completed waited for.
  bool on_ack();
  Repeat on_request() const;
  Due on_timer(const TimerOptions& timers, Instant now);

  [[nodiscard]] std::optional<Instant> deadline(const TimerOptions& timers) const;
  [[nodiscard]] State state() const { return state_; }

 private:
  Instant since_{};  // of the request, in Completed of the final response
  State state_ = State::Terminated;
  Hop hop_ = Hop::Datagram;
  bool trying_due_ = false;
  uint8_t repeat_count_ = 0;
};
static_assert(sizeof(InviteServer) == 16);

}  // namespace siplb::transaction
