// What ties a request's server transaction to its client transactions: the response context of RFC
// 3261, 16.7.
//
// One attempt is one server tried, and one client transaction. One of them is current, the last
// that could be sent; those before it have failed or were given up. A given-up attempt stays,
// without repeats, until its final response or its time-out, since what it still says matters: a
// ringing phone must be told to stop, a call that is answered twice must be ended once. Plain data
// and questions about it; what happens to it is StatefulPath's. Thread: one, the lane's worker.
// Bounds: kAttemptsMax attempts, constant size.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "balance/topology.h"
#include "base/slot_pool.h"
#include "net/timer_wheel.h"
#include "proxy/name_book.h"
#include "sip/seal.h"
#include "transaction/invite_client.h"
#include "transaction/invite_server.h"
#include "transaction/non_invite_client.h"
#include "transaction/non_invite_server.h"
#include "transport/flow.h"
#include "transport/message_slots.h"

namespace siplb::proxy {

[[nodiscard]] inline transaction::Hop hop_of(const transport::Flow& flow) {
  return flow.is_stream() ? transaction::Hop::Stream : transaction::Hop::Datagram;
}

struct Attempt {
  transport::Flow to;
  transaction::InviteClient invite;    // with an INVITE
  transaction::NonInviteClient other;  // else; with an INVITE: of our CANCEL
  balance::ServerIndex server = balance::kNoServer;
  uint16_t patience_count = 0;   // how often it was silent for its time
  bool is_given_up : 1 = false;  // for the next attempt
  bool is_cancel_wanted : 1 = false;
  bool is_cancel_sent : 1 = false;
  bool is_inflight = false;  // counted as such
  bool has_slot = false;     // the call has gone on, but this server may take it yet
};

struct ResponseContext final : net::TimerNode {
  sip::BranchHash branch;
  sip::Method method = sip::Method::Other;
  balance::GroupIndex group = 0;
  transport::Flow source;           // where the request came from
  uint16_t reply_port = 0;          // of that address, for its responses: see answer_port()
  uint16_t unreachable_code = 503;  // what the client hears where nobody can be reached
  uint32_t sender_group = 0;
  uint32_t from_tag_hash = 0;
  uint64_t affinity_key = 0;
  uint64_t key_hash = 0;  // where it falls among the group's servers
  SlotHandle slot;        // in the store

  transaction::InviteServer invite;    // with an INVITE
  transaction::NonInviteServer other;  // else
  Instant ringing_until{};             // Timer C

  std::optional<transport::StoredText> held;  // the request as it came in
  std::optional<transport::StoredText> kept;  // the final response as it goes upstream, or may yet
  std::optional<transport::StoredText> remnant;  // of an INVITE, if the chunk is too small
  uint16_t chunk_length = 0;                     // of the remnant in that chunk

  uint16_t best_code = 0;    // of the best final response so far; 0 = none
  uint8_t best_attempt = 0;  // that it came from
  uint8_t attempt_count = 0;
  uint8_t current_attempt = 0;      // the last that left
  bool is_best_local = false;       // it is one of our own
  bool is_final_sent = false;       // upstream
  bool is_cancelled = false;        // by the client
  bool is_trying_sent = false;      // our 100 went upstream
  bool is_ringing = false;          // a provisional response above 100 went upstream
  bool is_duplicate_noted = false;  // a further 2xx was counted
  bool has_one_target = false;      // the request names it: nobody else will do
  bool is_call = false;             // an INVITE that takes one of its server's call slots
  bool wants_path = false;          // its route adds a Path
  bool has_no_client = false;       // a BYE of our own
  bool has_lost_one = false;  // a connection ended by which it was sent, and it was sent again
  NamedBy awaited = NamedBy::Nothing;  // what has a name that it waits for: it went nowhere yet
  std::array<Attempt, balance::kAttemptsMax> attempts;

  [[nodiscard]] bool is_invite() const { return method == sip::Method::Invite; }
  [[nodiscard]] std::span<Attempt> tried() { return {attempts.data(), attempt_count}; }
  [[nodiscard]] std::span<const Attempt> tried() const { return {attempts.data(), attempt_count}; }
  [[nodiscard]] Attempt& current() { return attempts[current_attempt]; }
  [[nodiscard]] bool is_current(uint8_t attempt) const { return attempt == current_attempt; }

  // No final response, no time-out yet.
  [[nodiscard]] bool is_pending(const Attempt& attempt) const {
    return is_invite() ? attempt.invite.is_pending() : attempt.other.is_pending();
  }
  // Not even a provisional response.
  [[nodiscard]] bool is_waiting(const Attempt& attempt) const {
    return is_invite() ? attempt.invite.is_waiting() : attempt.other.is_waiting();
  }
  // When it was first sent.
  [[nodiscard]] Instant sent_at(const Attempt& attempt) const {
    return is_invite() ? attempt.invite.sent_at() : attempt.other.sent_at();
  }
  void stop_repeating(Attempt& attempt) const {
    is_invite() ? attempt.invite.stop_repeating() : attempt.other.stop_repeating();
  }
  // Nothing is waited for any more.
  void end(Attempt& attempt) const {
    is_invite() ? attempt.invite.on_transport_error() : attempt.other.on_transport_error();
  }
  // True while some attempt may still have a better answer than the best so far: pending, and not
  // silent for its time already (SIP.md 6).
  [[nodiscard]] bool is_answer_open() const;
  // Or it waits for what a name leads to.
  [[nodiscard]] bool is_any_pending() const;
  // Nothing is owed to the client any more.
  [[nodiscard]] bool is_upstream_done() const;
};

// Whether a final response of `code` is to be preferred to one of `best`, 0 = none (16.7, step 6).
[[nodiscard]] bool is_better(uint16_t code, uint16_t best);

}  // namespace siplb::proxy
