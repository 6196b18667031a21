// The server side of an INVITE (RFC 3261, 17.2.1, as amended by RFC 6026, 7.1).
//
//        INVITE taken
//              |     200 ms: SendTrying, unless something was sent
//              v     INVITE: SendProvisional
//        [Proceeding] -- 2xx sent --> [Accepted]   L: the store's
//              |
//              | 300-699 sent
//              |     G, over datagrams, once a provisional response was sent: SendFinal, the pause
//              |     doubling up to T2
//              v     INVITE: SendFinal
//        [Completed] -- H: GaveUp --> [Terminated]
//              |
//              | ACK
//              v
//        [Confirmed]   I: the store's
//
// L and I only bound how long a finished transaction is remembered (table.h). A client that has
// heard nothing repeats its INVITE (17.1.1.2, Timer A) and so asks for the final response itself:
// then G would only multiply what is sent to an address that may be forged.
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
  // What a repeat of the INVITE asks for: the last provisional response, if any was sent; the final
  // one; nothing.
  enum class [[nodiscard]] Repeat : uint8_t{SendProvisional, SendFinal, Absorb};

  InviteServer() = default;
  InviteServer(Hop hop, Instant now);

  // No 100 of our own accord: nobody would repeat the request in the client's stead.
  void leave_trying_to_server();
  // A provisional response was sent, 100 or better.
  void on_provisional();
  // A final response was sent. Requires: Proceeding.
  void on_final(uint16_t status, Instant now);
  // Returns true for the ACK that Completed waited for.
  bool on_ack();
  Repeat on_request() const;
  // Nothing is due before deadline(). SendTrying is asked for once. One SendFinal stands for all
  // that were missed when the call comes late. GaveUp, no ACK has come: Terminated from then on.
  Due on_timer(const TimerOptions& timers, Instant now);

  // When on_timer() has work; nothing where no timer runs.
  [[nodiscard]] std::optional<Instant> deadline(const TimerOptions& timers) const;
  [[nodiscard]] State state() const { return state_; }

 private:
  [[nodiscard]] Instant repeat_at(const TimerOptions& timers) const;

  Instant since_{};            // of the request; of the final response once that was sent
  uint32_t repeat_count_ = 0;  // of the final response, made or missed
  State state_ = State::Terminated;
  bool is_datagram_ = false;
  bool repeats_ = false;  // nobody else would: the client waits
  bool trying_due_ = false;
};
static_assert(sizeof(InviteServer) == 16);

}  // namespace siplb::transaction
