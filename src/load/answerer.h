// The server side: simulated SIP servers that answer, and notice what should not have come to them.
//
// A dialog's To tag carries the name of the server that made it. An in-dialog request that arrives
// at another one has been misrouted: it is counted and answered 481. Servers keep no dialogs, only
// the answers that wait (HeldAnswers) and hashes of what came lately (Deliveries); all else can be
// made again from the request. A final answer to an INVITE is sent again until its ACK comes (RFC
// 3261, 13.3.1.4 and 17.2.1); an INVITE that comes again behind its ACK is absorbed (RFC
// 6026, 7.1). No I/O and no clock: `now` comes from the caller, so a test is a script. Thread: one.
// Bounds: kServersMax servers, held_max answers, remembered_max hashes; no heap after construction.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "load/answer_text.h"
#include "load/deliveries.h"
#include "load/faults.h"
#include "load/held_answers.h"
#include "net/timer_wheel.h"
#include "sip/message.h"
#include "transport/wire.h"

namespace siplb::load {

inline constexpr size_t kServersMax = 64;

struct ServerOptions {
  std::string name;     // at most 8 octets, without '.'
  SockAddress address;  // in its Contact
  Faults faults;
};

struct AnswererOptions {
  std::vector<ServerOptions> servers;  // the wire's listener n is servers[n]; 1 to kServersMax
  std::optional<Duration> ring = Duration::zero();  // from 180 to 200; none: no 180
  uint32_t held_max = 65536;                        // at least one
  uint32_t remembered_max = 1 << 20;                // at least one
  sip::Transport transport = sip::Transport::Udp;   // in their Contacts
  uint64_t seed = 1;                                // of the dice
  Duration t1 = std::chrono::milliseconds(500);
  Duration t2 = std::chrono::seconds(4);
};

struct ServerStats {
  uint64_t calls = 0;     // INVITEs accepted
  uint64_t requests = 0;  // all others but ACK, first or repeated
  uint64_t acks = 0;
  uint64_t misroutes = 0;        // in-dialog requests of another server's dialogs
  uint64_t unknown_dialogs = 0;  // in-dialog requests of nobody's
  uint64_t dropped = 0;          // by the faults silent and drop
  uint64_t rejected = 0;         // 503, by fault or capacity, or for want of room
  uint64_t cancelled = 0;        // calls that ended in 487
  uint64_t merged = 0;           // INVITEs that were here already by another path: 482 (8.2.2.2)
  uint64_t repeated = 0;         // requests that came again
  uint64_t retransmissions = 0;  // answers sent again for want of an ACK
  uint64_t unacknowledged = 0;   // answers given up
  uint64_t strays = 0;           // no request at all, or one too long to answer
  uint64_t refused_sends = 0;    // by the wire, for want of room
  MethodCounts methods{};        // all that was not dropped, first or repeated
};

class Answerer final : public transport::Receiver {
 public:
  // Fails where there is no memory for held_max answers. `wire` is borrowed for the object's life.
  [[nodiscard]] static Result<std::unique_ptr<Answerer>> create(const AnswererOptions& options,
                                                                transport::Wire& wire, Instant now);
  ~Answerer() override;
  Answerer(const Answerer&) = delete;
  Answerer& operator=(const Answerer&) = delete;

  void on_batch(std::span<transport::Inbound> batch, Instant now) override;
  void on_tick(Instant now);
  // When to call on_tick() next; nothing when no answer waits.
  [[nodiscard]] std::optional<Instant> next_deadline() { return timers_.next_deadline(); }

  [[nodiscard]] size_t server_count() const { return servers_.size(); }
  [[nodiscard]] const ServerOptions& server(size_t index) const { return options_.servers[index]; }
  [[nodiscard]] const ServerStats& stats(size_t index) const;
  // Of all servers together.
  [[nodiscard]] const DeliveryTotals& totals() const { return deliveries_.totals(); }

 private:
  struct Server;
  struct Request;

  Answerer(const AnswererOptions& options, transport::Wire& wire, Instant now, HeldAnswers held);

  void on_request(const Request& request);
  void on_invite(const Request& request, Delivery delivery);
  void on_ack(const Request& request);
  void on_cancel(const Request& request);
  void on_other(const Request& request);
  [[nodiscard]] bool belongs_here(const Request& request);
  [[nodiscard]] Outcome judge_invite(const Request& request);

  // Answers, or keeps the answer until it is due. False where there is no room for that: 503.
  bool answer(const Request& request, Outcome outcome);
  void hold(HeldAnswer& held, const Request& request);
  void release(HeldAnswer& held);
  void on_due(HeldAnswer& held, Instant now);
  void ring(HeldAnswer& held, Instant now);
  void finish(HeldAnswer& held, Instant now);
  void send_held(const HeldAnswer& held);
  void reply(const Request& request, Outcome outcome);
  void send(const transport::Flow& flow, std::span<const std::string_view> pieces);

  const AnswererOptions options_;
  transport::Wire& wire_;
  std::vector<std::unique_ptr<Server>> servers_;
  Dice dice_;
  AnswerText text_;
  HeldAnswers held_;
  Deliveries deliveries_;
  net::TimerWheel timers_;  // behind the answers, whose nodes it lets go of
  sip::Message message_;    // the one being read; large, so not on the stack
};

}  // namespace siplb::load
