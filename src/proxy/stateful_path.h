// Relaying with state: the proxy core between one server transaction and its client transactions
// (RFC 3261, 16.6 to 16.10; SIP.md 4 to 6).
//
//   start          a new request goes to its first server
//   find           a request whose transaction is known: a repeat, a CANCEL, an ACK
//   on_response    to upstream, or absorbed, or the reason to try another server
//   run_timers     repeats, 100 Trying, silence, Timer C, time-outs
//   await, go_on, turn_away
//                  a new request waits for what a name leads to (name_waits.h), and does no more
//   on_undelivered, on_unsent, on_disconnected
//                  the wire says that a request can't have arrived, or that nothing comes of it
//
// Each of them ends in settle(), which answers upstream when there is nothing better to wait for,
// and forgets the context when nobody is owed anything. Thread: one, the lane's worker. Bounds: the
// store's; no heap after the constructor.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "balance/answer_time.h"
#include "balance/health_signal.h"
#include "balance/load_board.h"
#include "balance/retry_budget.h"
#include "base/event_ring.h"
#include "proxy/context_store.h"
#include "proxy/forwarder.h"
#include "proxy/local_reply.h"
#include "proxy/name_waits.h"
#include "proxy/request.h"
#include "proxy/size_rule.h"
#include "proxy/target.h"
#include "proxy/verdict.h"
#include "sip/quote.h"

namespace siplb::proxy {

// Where a new request goes.
struct Goal {
  balance::GroupIndex group = 0;  // whose options count
  Target target;
  uint64_t key_hash = 0;            // where it falls among the group's servers
  bool is_only_one = false;         // the request names it itself
  bool wants_path = false;          // its route adds a Path
  uint16_t unreachable_code = 503;  // the answer where it can't be reached
};

class StatefulPath {
 public:
  // With a 503 of ours: long enough that a client which obeys does not make matters worse.
  static constexpr std::string_view kRetryAfter = "Retry-After: 5\r\n";

  struct Options {
    transaction::TimerOptions timers;
    uint8_t lane = 0;
    uint32_t lane_count = 1;
    size_t worker = 0;  // whose cells of the load board this path writes
  };
  // All are borrowed for the path's life.
  struct Parts {
    ContextStore& store;
    TargetChooser& chooser;
    transport::Wire& wire;
    Forwarder& forwarder;
    SizeRule& size_rule;
    LocalReply& local_reply;
    NameWaits& waits;
    LaneCounters& counters;
    EventRing& events;
    balance::LoadBoard& load;
    balance::HealthSink& health;
  };
  StatefulPath(const Options& options, const Outlook& outlook, const Parts& parts);

  struct Known {
    enum class Kind : uint8_t {
      No,
      Decided,  // as `verdict` says
      PassOn,   // by pass_on(): who has it repeats its answer
    };
    Kind kind = Kind::No;
    Verdict verdict;
    // With PassOn. Where to is not known any more of what is over and went to no server.
    Target target;
    bool wants_path = false;
  };
  Known find(const sip::Message& request, const sip::BranchHash& branch,
             const transport::Flow& source, const Tick& tick);
  // Requires: kind is PassOn, and the target has a remote address.
  Verdict pass_on(const Request& request, const Known& known);

  // Requires: find() gave No. Answers it where there is no room for it, or nobody can be reached.
  Verdict start(const Request& request, const Goal& goal);

  // The same for a request that goes where a name of its own leads, which no book knows yet. It is
  // answered 480 where it can't wait, or has waited too long.
  Verdict await(const Request& request, NamedBy by);
  // What is held of it. Valid until the next call of anything here.
  [[nodiscard]] Request read_held(const ResponseContext& context, const Tick& tick);
  // It waits no more. Requires: NameWaits has let go of it; `request` was read from it.
  void go_on(ResponseContext& context, const Request& request, const Goal& goal);
  // The same where its name leads nowhere, which is answered with `code`.
  void turn_away(ResponseContext& context, uint16_t code, const Tick& tick);

  // Nothing where no transaction is known for it.
  std::optional<Verdict> on_response(const sip::Message& response, const transport::Flow& source,
                                     const Tick& tick);

  void on_undelivered(const sip::Quote& quote, const SockAddress& destination, const Tick& tick);
  // A request was queued for a stream and never left.
  void on_unsent(const sip::Quote& quote, const Tick& tick);
  // Who was sent something by this stream and has not answered may have got it, or not. One that
  // has answered provisionally may answer by another.
  void on_disconnected(const transport::Flow& connection, const Tick& tick);

  // When run_timers() has work; nothing where no timer runs.
  [[nodiscard]] std::optional<Instant> next_deadline() { return store_.wheel().next_deadline(); }
  void run_timers(const Tick& tick);

 private:
  // One message and what it means for a context: what most of the functions below need.
  struct Answer {
    const sip::Message& message;
    const transport::Flow& source;
    const Tick& tick;
    // Of its top Via, which is ours.
    sip::BranchHash branch;
    uint8_t attempt = 0;
  };

  // stateful_request.cpp
  Known find_in(ResponseContext& context, const sip::Message& request,
                const transport::Flow& source, const Tick& tick);
  Known find_in(transaction::Tombstone& tombstone, const sip::Message& request) const;
  Known repeat_final(ResponseContext& context);
  // A context of a new request, which has gone nowhere; null where there is no room.
  [[nodiscard]] ResponseContext* open(const Request& request);
  Sent send_first(ResponseContext& context, const Request& request, const Goal& goal);
  Verdict cancel(ResponseContext& context, const Tick& tick);
  struct Transmission {
    Target target;
    bool wants_path = false;
  };
  // What goes out, and the texts that it refers to.
  struct Tokens {
    sip::TokenText dialog;
    sip::TokenText path;
  };
  [[nodiscard]] static Outgoing outgoing_of(const Target& target, const Tokens& tokens) {
    return {.to = target.to,
            .attempt = target.attempt,
            .mode = sip::SealMode::Stateful,
            .record_route_token = tokens.dialog,
            .path_token = tokens.path};
  }
  [[nodiscard]] Tokens make_tokens(const Request& request, const Transmission& transmission) const;
  Sent transmit(const Request& request, const Transmission& transmission);
  Sent begin_attempt(ResponseContext& context, const Request& request, const Target& target);
  Sent send_attempt(ResponseContext& context, const Request& request,
                    const Transmission& transmission);
  Sent send_over_datagrams(ResponseContext& context, const Request& request,
                           const Transmission& transmission);
  Verdict refuse(ResponseContext& context, Instant now);
  [[nodiscard]] Verdict final_of_ours(const ResponseContext& context, uint16_t code,
                                      Instant now) const;
  [[nodiscard]] transport::Flow reply_to(const ResponseContext& context) const;
  [[nodiscard]] static Target target_of(const ResponseContext& context, uint8_t attempt);
  // Of a server, or of all that is none.
  [[nodiscard]] ServerCounters& counters_of(balance::ServerIndex server);
  [[nodiscard]] balance::AnswerTime& answer_time_of(balance::ServerIndex server);
  [[nodiscard]] const balance::AnswerTime& answer_time_of(balance::ServerIndex server) const;

  // stateful_response.cpp
  Verdict on_answer(ResponseContext& context, const Answer& answer);
  Verdict on_invite_answer(ResponseContext& context, const Answer& answer);
  Verdict on_other_answer(ResponseContext& context, const Answer& answer);
  Verdict on_provisional(ResponseContext& context, const Answer& answer);
  enum class IsFirst : bool { No, Yes };
  Verdict on_success(ResponseContext& context, const Answer& answer, IsFirst is_first);
  Verdict on_failure(ResponseContext& context, const Answer& answer);
  Verdict on_late_answer(transaction::Tombstone& tombstone, const Answer& answer);
  Verdict on_late_success(transaction::Tombstone& tombstone, const Answer& answer);
  [[nodiscard]] balance::Late2xx late_2xx_of(balance::ServerIndex server) const;
  Verdict forward_late(const transaction::Tombstone& tombstone, const Answer& answer);
  void note_answer(ResponseContext& context, const Answer& answer);
  // How a final response goes upstream. Borrows the answer's message.
  struct Final {
    LengthLine length;
    sip::Editor editor;
  };
  uint16_t edit_final(ResponseContext& context, const Answer& answer, Final& out);
  void forward_final(ResponseContext& context, const Answer& answer);
  void note_final(ResponseContext& context, const Answer& answer);
  [[nodiscard]] static uint64_t client_of(const transport::Flow& source, uint16_t reply_port);

  // failover.cpp
  enum class [[nodiscard]] Failover : uint8_t{Done, Impossible};
  Failover try_failover(ResponseContext& context, FailoverReason reason, const Tick& tick);
  // What is known of an attempt that is not answered.
  enum class Failure : uint8_t {
    Unsent,    // it never arrived
    Lost,      // its connection has ended: it may have arrived
    Doubtful,  // a repeat did not arrive, the first sending may have
  };
  void give_up(ResponseContext& context, uint8_t attempt, FailoverReason reason, const Tick& tick);
  [[nodiscard]] bool goes_elsewhere(ResponseContext& context, Failure failure, const Tick& tick);
  [[nodiscard]] bool is_sent_again(ResponseContext& context, const Tick& tick);
  [[nodiscard]] bool is_sent_over_datagrams(ResponseContext& context, const Tick& tick);
  void fail(ResponseContext& context, uint8_t attempt, Failure failure, const Tick& tick);
  [[nodiscard]] ResponseContext* find_waiting(const sip::Quote& quote, const sip::OwnBranch& branch,
                                              Instant now);
  [[nodiscard]] static bool is_proof(const ResponseContext& context, uint8_t attempt);
  void watch_silence(ResponseContext& context, const Tick& tick);
  void follow(const ResponseContext& context, const Target& target, Instant now);
  void hand_out_slot(ResponseContext& context, uint8_t attempt, Instant now);
  void take_in_slot(ResponseContext& context, uint8_t attempt, Instant now);
  void come_back(ResponseContext& context, Instant now);
  void end_reservation(const ResponseContext& context, Instant now);
  [[nodiscard]] static TargetChooser::Call call_of(const ResponseContext& context);
  // Of the attempt's server, if it is one: the prober will look.
  void tell(const Attempt& attempt, balance::HealthSignal::Kind kind,
            std::chrono::seconds retry_after = {});
  [[nodiscard]] balance::RetryBudget& budget_of(balance::GroupIndex group, Instant now);
  [[nodiscard]] bool may_turn_elsewhere(const ResponseContext& context) const;
  [[nodiscard]] bool is_silence_watched(ResponseContext& context) const;
  [[nodiscard]] Instant silent_at(ResponseContext& context) const;
  [[nodiscard]] Duration patience_with(ResponseContext& context) const;
  [[nodiscard]] bool is_anyone_left(const ResponseContext& context, Instant now) const;

  // settle.cpp
  void run_timers(ResponseContext& context, const Tick& tick);
  void run_timers(ResponseContext& context, uint8_t attempt, const Tick& tick);
  void prefer(ResponseContext& context, uint16_t code, uint8_t attempt);
  void prefer_own(ResponseContext& context, uint16_t code, uint8_t attempt);
  void settle(ResponseContext& context, const Tick& tick);
  void count_out(Attempt& attempt);
  void answer_best(ResponseContext& context, const Tick& tick);
  void on_final_sent(ResponseContext& context, const Tick& tick);
  void tell_answered(const ResponseContext& context, Instant now) const;
  void finish(ResponseContext& context, const Tick& tick);
  void schedule(ResponseContext& context);
  [[nodiscard]] Instant next_deadline(ResponseContext& context) const;
  [[nodiscard]] Instant over_at(const ResponseContext& context) const;

  // originate.cpp
  [[nodiscard]] const sip::Message& read(std::string_view octets);
  [[nodiscard]] const sip::Message* read_request_of(const ResponseContext& context);
  void send_trying(ResponseContext& context);
  [[nodiscard]] bool send_final(ResponseContext& context, Instant now);
  void repeat(ResponseContext& context, uint8_t attempt, const Tick& tick);
  struct HopRequest {
    sip::Method method;   // Ack or Cancel
    std::string_view to;  // of an ACK: the response's To
    const Tick& tick;
  };
  Sent send_hop_request(ResponseContext& context, uint8_t attempt, const HopRequest& wanted);
  void send_ack(ResponseContext& context, const Answer& answer);
  void send_cancel(ResponseContext& context, uint8_t attempt, const Tick& tick);
  void stop(ResponseContext& context, uint8_t attempt, const Tick& tick);
  // Takes back what may still wait for its stream; true where it has never left.
  bool take_back(const ResponseContext& context, uint8_t attempt);
  void withdraw(ResponseContext& context, uint8_t attempt);
  // Who answered, where nothing but its address tells; nothing where that is none of our servers.
  [[nodiscard]] std::optional<Target> callee_by_source(const Answer& answer) const;
  void ack_again(const Answer& answer, const Target& callee);
  Verdict release(const Answer& answer, const Target& callee);
  [[nodiscard]] bool is_released(const Answer& answer);
  void watch_bye(const Target& callee, const sip::BranchHash& branch, std::string_view text,
                 Instant now);
  [[nodiscard]] sip::BranchHash ending_branch(const Answer& answer, sip::Method method) const;
  size_t send_in_dialog(const Answer& answer, const Target& callee, sip::Method method);

  const Options options_;
  const Outlook& outlook_;
  ContextStore& store_;
  TargetChooser& chooser_;
  transport::Wire& wire_;
  Forwarder& forwarder_;
  SizeRule& size_rule_;
  LocalReply& local_reply_;
  NameWaits& waits_;
  LaneCounters& counters_;
  EventRing& events_;
  balance::LoadBoard& load_;
  balance::HealthSink& health_;
  std::vector<balance::AnswerTime> answer_times_;  // by server; the last: of all that is none
  std::vector<balance::RetryBudget> budgets_;      // by group
  sip::Message stored_;                            // what was read from the store last
  CounterArray<sip::SealFault> unused_;            // a request was counted when it came
  std::array<char, kReplyOctetsMax> buffer_;       // what is made here
};

}  // namespace siplb::proxy
