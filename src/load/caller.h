// The client side: places calls, keeps their transactions, and counts how they went.
//
//            1xx                2xx: ACK           hold is over: BYE        2xx
//   Trying ──────▶ Proceeding ───────────▶ Talking ──────────────────▶ Closing ──▶ succeeded
//      │             │   └─ CANCEL ─▶ Cancelling ── 2xx: ACK, BYE ───────┘│          ▲
//      │             │                  │   └─ its answer ─▶ Cancelled ── 487: ACK ───┘
//      └── 64 × T1 ──┴── 300 and above ─┴──────────────────────┴───────────┴──▶ failed
//
// Over a stream nothing is retransmitted; a call that waits for an answer fails as soon as its
// connection ends. OPTIONS and REGISTER end with the answer to the first request. Requests are
// retransmitted until they are answered, after T1, 2 × T1 … (RFC 3261, 17.1). An answer finds its
// call by our branch; what comes when its call is over still gets its ACK, made from the answer
// itself. A 2xx of another dialog than the call's gets a BYE as well, from a slot beyond those of
// the calls. The transactions are this file's own: a judge who shared the proxy's would share its
// errors. No I/O and no clock: `now` comes from the caller, so a test is a script. Thread: one.
// Bounds: calls_max calls and kReleasesMax releases at a time; no heap after construction.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/memory_region.h"
#include "base/time.h"
#include "load/call_stats.h"
#include "load/dialog_tags.h"
#include "load/faults.h"
#include "load/pacer.h"
#include "load/request_text.h"
#include "net/timer_wheel.h"
#include "sip/message.h"
#include "transport/wire.h"

namespace siplb::load {

enum class Work : uint8_t { Call, Options, Register };
// Of connections, where the calls go by streams.
enum class Sharing : uint8_t {
  Shared,   // all calls take turns on the same connections
  PerCall,  // each call has its own
};
enum class NextHop : uint8_t { ByRoute, Target };

struct CallerOptions {
  SockAddress target;
  std::vector<SockAddress> sources;  // the wire's listener n sends from sources[n]; at least one
  sip::Transport transport = sip::Transport::Udp;
  Sharing sharing = Sharing::Shared;
  uint32_t connections = 1;  // shared ones; at least one
  uint32_t seed = 0;         // of Call-IDs, tags, branches and dice
  Work work = Work::Call;
  PacerOptions pace;
  uint32_t calls_max = 1024;             // at a time; at least one
  Duration hold{};                       // from ACK to BYE
  double cancel_share = 0;               // of the calls that get a provisional response
  Duration cancel_after{};               // from the first provisional response
  NextHop in_dialog = NextHop::ByRoute;  // Target: as to an outbound proxy
  Duration t1 = std::chrono::milliseconds(500);
  Duration t2 = std::chrono::seconds(4);
};

class Caller final : public transport::Receiver {
 public:
  // Dialogs that are being ended because their call has another one, or none.
  static constexpr uint32_t kReleasesMax = 256;

  // Fails where there is no memory for calls_max calls. `wire` is borrowed for the object's life.
  [[nodiscard]] static Result<std::unique_ptr<Caller>> create(const CallerOptions& options,
                                                              transport::Wire& wire, Instant now);
  ~Caller() override;
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  void on_batch(std::span<transport::Inbound> batch, Instant now) override;
  void on_disconnected(const transport::Flow& connection, uint64_t lanes) override;
  // Runs what is due and starts what is to start. Call it once a tick, after on_batch().
  void on_tick(Instant now);
  // When to call on_tick() next, unless something comes in before.
  [[nodiscard]] std::optional<Instant> next_deadline(Instant now);

  // Starts no more calls; those in flight go on.
  void stop() { pacer_.stop(); }
  // Nothing is in flight and no call is to start.
  [[nodiscard]] bool is_done(Instant now) const;

  [[nodiscard]] const CallStats& stats() const { return stats_; }
  void clear_recent() { stats_.setup_recent.clear(); }

 private:
  enum class State : uint8_t {
    Free,
    Trying,
    Proceeding,
    Cancelling,
    Cancelled,
    Talking,
    Closing,
  };
  struct Call;
  struct Answer;

  Caller(const CallerOptions& options, transport::Wire& wire, Instant now, MemoryRegion byes);

  void start_call(Instant now);
  void end_call(Call& call);
  void on_due(Call& call, Instant now);
  void give_up(Call& call);
  void retransmit(Call& call, Instant now);

  void on_answer(const Answer& answer, Instant now);
  void on_provisional(Call& call, Instant now);
  void on_success(Call& call, const Answer& answer, Instant now);
  void on_failure(Call& call, uint16_t status);
  void on_cancel_answer(Call& call, uint16_t status);
  void on_bye_answer(Call& call, const Answer& answer);
  void on_late_answer(const Answer& answer, Instant now);
  // Ends a dialog that no call is to have; not now where all slots for that are taken.
  [[nodiscard]] bool try_release(const Answer& answer, Instant now);
  [[nodiscard]] bool try_keep_bye(Call& call, const Answer& answer);
  void send_cancel(Call& call, Instant now);
  void send_bye(Call& call, Instant now);
  void acknowledge(const Answer& answer);
  [[nodiscard]] SockAddress remote_of_dialog(const sip::Message& answer) const;

  void begin_transaction(Call& call, Instant now);
  // The call that is under way under this key; null where there is none.
  [[nodiscard]] Call* find(const CallKey& key) const;
  [[nodiscard]] CallKey key_of(const Call& call) const;
  [[nodiscard]] bool is_release(const Call& call) const;
  [[nodiscard]] uint32_t in_flight() const;
  [[nodiscard]] std::span<char> bye_octets(const Call& call) const;
  // By which a call reaches a remote end, and where its request under way has gone.
  [[nodiscard]] transport::Flow flow_to(const SockAddress& remote, const CallKey& key,
                                        size_t source) const;
  [[nodiscard]] transport::Flow flow_of(const Call& call) const;
  void send(const transport::Flow& flow, std::string_view text);

  const CallerOptions options_;
  const Step first_step_;
  transport::Wire& wire_;
  RequestText text_;
  Pacer pacer_;
  CallStats stats_;
  uint32_t next_number_ = 0;
  Dice dice_;
  DialogTags tags_;
  MemoryRegion byes_;              // the BYE of each call, as long as it may have to be sent again
  std::unique_ptr<Call[]> calls_;  // the releases stand behind the calls
  std::vector<uint32_t> free_;     // a stack of slots
  std::vector<uint32_t> free_releases_;  // another one
  net::TimerWheel timers_;               // behind the calls, whose nodes it lets go of
  sip::Message message_;                 // the one being read; large, so not on the stack
};

}  // namespace siplb::load
