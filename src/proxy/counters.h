// What a lane counts. One verdict for each message, so that the sums must agree (conservation).
//
// Thread: one writer (the lane's worker), any reader.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "balance/affinity.h"
#include "base/counter.h"
#include "base/duration_buckets.h"
#include "sip/message.h"
#include "sip/method.h"
#include "sip/seal.h"

namespace siplb::proxy {

enum class MessageKind : uint8_t { Request, Response, Other, kCount };

// Messages that end here on purpose.
enum class AbsorbReason : uint8_t {
  KeepAlive,  // CR LF or NUL on a datagram
  Stun,       // a binding request, answered
  LocalAck,   // the ACK to a final answer of our own
  Ack,        // the ACK to a final answer of 300 or above, ended here (RFC 3261, 17.2.1)
  Repeat,     // a request or response that came again; what it asked for was sent again, if needed
  Trying,     // a server's 100 (16.7, step 4)
  Provisional,  // a 1xx to another request than INVITE (RFC 4320, 4.1)
  OwnRequest,   // the answer to a CANCEL or BYE of our own
  GivenUp,      // a provisional response of a server that was given up for another
  FailedOver,   // a final response that made us turn to another server
  NotBest,      // a final response that another one was preferred to (16.7, step 6), or may be yet
  Probe,        // the answer to a health check that was sent by a listener: the prober's
  Released,     // a 2xx that came too late: acknowledged and ended by us
  NameAwaited,  // a request that goes on, or is answered, once it is known what its name leads to
  kCount,
};

// Messages that end here because nothing better can be done with them.
enum class DropReason : uint8_t {
  NotSip,               // no SIP message, or one too broken to answer
  Malformed,            // a fault in a response, an ACK, or a request that can't be answered
  Oversize,             // longer than limits.message_bytes
  ResponseViaForeign,   // its top Via is not ours (RFC 3261, 18.1.2)
  ResponseViaMissing,   // nothing below our Via
  ResponseSealRefused,  // our Via, but not as we wrote it
  ResponseStray,        // to a request of which we keep no state any more
  ResponseUnreachable,  // the Via below names no address we can send to
  Scattered481,         // one of the answers to a CANCEL sent to every server
  AnswerTooLong,        // its answer would be longer than answers to a stranger may be
  AckRefused,           // an ACK that any other request would have been refused for
  Route,                // a route says drop
  MailboxFull,          // the lane that it belongs to has no room, and it can't be answered
  NameUnknown,          // an ACK whose way is by a name that is only now asked for
  kCount,
};

// Codes of our own answers that have a label of their own.
inline constexpr std::array<uint16_t, 22> kAnswerCodes = {100, 200, 400, 403, 404, 405, 408, 413,
                                                          416, 420, 430, 480, 481, 482, 483, 486,
                                                          487, 500, 503, 505, 513, 603};
inline constexpr size_t kAnswerCodeSlots = kAnswerCodes.size() + 1;  // the last: other
// Position in kAnswerCodes, or the slot for all other codes.
[[nodiscard]] size_t answer_code_slot(uint16_t code);

enum class SealKind : uint8_t { Via, Token, kCount };

// What we send of our own accord, besides answers: outside the sum of conservation.
enum class OriginatedKind : uint8_t {
  Trying,  // 100
  Final,   // a final response in place of a server's: 408, 487, 500, 503, or one that was kept
  Cancel,
  Ack,
  Bye,
  Retry,  // a request to another server
  Named,  // a request that has waited for what its name leads to
  kCount,
};

// What was sent again, towards whom.
enum class RepeatDirection : uint8_t {
  Server,  // a request
  Client,  // a final response
  kCount,
};

// Why a request went on to another server (SIP.md 6).
enum class FailoverReason : uint8_t {
  Silence,       // no answer in time
  Unreachable,   // refused, or could not be sent
  Disconnected,  // its connection ended before it answered
  Code,          // an answer listed in failover.codes
  kCount,
};

// Why a server's request did not go where a name in it leads.
enum class NameRefusal : uint8_t {
  Nowhere,      // to no address, or none that may be called
  NoAnswer,     // that was not known in time
  NoRoom,       // as many requests wait as may, or there is none for a copy
  Rate,         // too many names were asked for in this second
  MailboxFull,  // too many wait to be asked for
  kCount,
};

[[nodiscard]] std::string_view name(OriginatedKind kind);
[[nodiscard]] std::string_view name(RepeatDirection direction);
[[nodiscard]] std::string_view name(FailoverReason reason);
[[nodiscard]] std::string_view name(NameRefusal reason);
[[nodiscard]] std::string_view name(MessageKind kind);
[[nodiscard]] std::string_view name(AbsorbReason reason);
[[nodiscard]] std::string_view name(DropReason reason);
[[nodiscard]] std::string_view name(SealKind kind);

struct ServerCounters {
  Counter requests;                        // forwarded to it
  std::array<Counter, 6> responses;        // from it, by hundreds: [0] = 1xx
  DurationBuckets answer_time;             // from the request to its first answer
  CounterArray<FailoverReason> failovers;  // from it to another
};

struct GroupCounters {
  Counter budget_exhausted;  // retries that were not made for want of budget
};

struct LaneCounters {
  LaneCounters(size_t server_count, size_t group_count)
      : servers(server_count), groups(group_count) {}

  // received + handed_in = forwarded + answered + absorbed + dropped + handed_out
  std::array<CounterArray<MessageKind>, static_cast<size_t>(sip::Transport::kCount)> received;
  Counter handed_in;
  CounterArray<MessageKind> handed_out;
  Counter forwarded;
  std::array<Counter, kAnswerCodeSlots> answered;
  CounterArray<AbsorbReason> absorbed;
  CounterArray<DropReason> dropped;

  // Outside the sum.
  CounterArray<OriginatedKind> originated;
  CounterArray<RepeatDirection> retransmissions;
  Counter unheld;             // requests sent without a copy: the pool had no room
  Counter duplicate_answers;  // calls that were answered 2xx beyond the final answer they had
  Counter loose_calls;        // calls forwarded without an affinity entry (target.h)
  Counter over_rate;          // requests refused because their route's rate was used up
  Counter tcp_refused;        // requests too long for a datagram, sent as one all the same
  Counter moved_evicted;      // clients that had moved, forgotten for want of room
  CounterArray<NameRefusal> names_refused;
  Counter names_awaited;  // requests that wait for what their names lead to, now
  Counter expressions;    // of routes, matched with a text: the heap is used for them
  std::array<CounterArray<sip::SealFault>, static_cast<size_t>(SealKind::kCount)> seal_rejected;
  CounterArray<sip::Method> requests;         // new requests by method
  CounterArray<sip::ScanStatus> scan_faults;  // why messages did not scan, whatever became of them
  balance::AffinityCounters affinity;
  std::vector<ServerCounters> servers;  // by balance::ServerIndex
  ServerCounters elsewhere;             // of requests with state to whom no server of ours is
  std::vector<GroupCounters> groups;    // by balance::GroupIndex
  Counter conservation_difference;      // as of the last look; anything but 0 is a bug

  // received + handed_in less everything that was decided. Requires: the writer's thread, or none.
  [[nodiscard]] int64_t difference() const;
};

}  // namespace siplb::proxy
