// siplbd in small: one lane made from a real configuration, on a fake wire.
//
// What must hold after every message and timer, whatever a script expects, is checked here:
// conservation, one message sent for each that is said to be sent, nothing sent that does not
// parse, and calls counted as they are, no more of them let in than a server may have.
// Thread: one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/configuration.h"
#include "proxy/lane.h"
#include "scenario/stream_reader.h"
#include "scenario/stream_wire.h"
#include "support/surroundings.h"

namespace siplb::test {

// What can run out.
struct Resources {
  size_t calls = 4096;   // affinity entries
  size_t others = 4096;  // affinity entries
  size_t moved = 64;     // clients that have moved
  size_t sends = 64;     // messages that the send queue takes per step
  size_t contexts = 64;  // requests under way
  size_t finished = 64;  // tombstones
  size_t held = 64;      // copies of requests and of final responses, of each size
  size_t asks = 64;      // names that wait to be asked for
};

// What a process may leave to the next: who is where, under the key that finds it.
struct Tables {
  std::vector<balance::AffinityEntry> calls;
  std::vector<balance::AffinityEntry> others;
  uint8_t key = 0;
};

struct ProcessOptions {
  uint32_t instance = 1;
  uint8_t node_key = 1;
  Instant started_at{};
  Resources resources;
  std::optional<Tables> tables;  // of an earlier process; none: this one begins with empty ones
};

class Process {
 public:
  Process(const config::Configuration& configuration, const ProcessOptions& options);

  // Gives the lane one message, or of a connection what that brings next, and returns what it
  // sends. Throws std::logic_error where something that must always hold does not.
  [[nodiscard]] std::vector<SentMessage> receive(const transport::Flow& flow, std::string_view text,
                                                 const proxy::Tick& tick);
  // When run_timers() has work.
  [[nodiscard]] std::optional<Instant> next_deadline() { return lane_.next_deadline(); }
  // Runs the timers that are due and returns what they send.
  [[nodiscard]] std::vector<SentMessage> run_timers(const proxy::Tick& tick);
  // The wire's word that what begins with `quote` did not arrive.
  [[nodiscard]] std::vector<SentMessage> undelivered(std::string_view quote,
                                                     const SockAddress& destination,
                                                     const proxy::Tick& tick);
  // The stream with the other end of `flow`: see StreamWire::connect().
  [[nodiscard]] transport::Flow connect(const transport::Flow& flow,
                                        StreamWire::Direction direction) {
    return wire_.connect(flow, direction);
  }
  // The streams with that remote address end.
  [[nodiscard]] std::vector<SentMessage> disconnect(const SockAddress& remote,
                                                    const proxy::Tick& tick);
  // From now on its other ends do so with what they are sent.
  [[nodiscard]] std::vector<SentMessage> set_mood(const SockAddress& remote, StreamWire::Mood mood,
                                                  const proxy::Tick& tick);
  // From now on names lead to what this book says.
  [[nodiscard]] std::vector<SentMessage> set_names(proxy::NameBook book, const proxy::Tick& tick);
  [[nodiscard]] const proxy::NameBook& names() const { return around_.book; }
  // Throws std::logic_error unless all that requests take while they are under way was given back.
  void check_idle() const;

  // The most of what can run out that was ever in use, and what gave way for want of room.
  struct Usage {
    uint64_t contexts_max = 0;
    uint64_t held_max = 0;  // of all sizes
    uint64_t finished_max = 0;
    uint64_t evicted_early = 0;
  };
  [[nodiscard]] Usage usage() const;

  // All that is above zero, by names as in the metrics. Those of Detail say more about what others
  // count already.
  using Counts = std::map<std::string, uint64_t>;
  struct Counted {
    Counts all;
    Counts detail;
  };
  [[nodiscard]] Counted counted() const;
  // What was logged since the last call: "failover server=s1 reason=silence".
  [[nodiscard]] std::vector<std::string> take_events();
  // What the prober was told since the last call: "silent s1", "busy s1 300s".
  [[nodiscard]] std::vector<std::string> take_told();
  // What names the lane has asked for since the last call.
  [[nodiscard]] std::vector<std::string> take_asked();
  // What the prober says, which holds from the next message or timer on.
  [[nodiscard]] balance::PoolStatus& status() { return around_.status; }
  // What the operator wants of the node, which holds from then on as well.
  [[nodiscard]] proxy::Admission& admission() { return snapshot_.admission; }
  [[nodiscard]] const balance::CallCounts& calls() const { return around_.calls; }
  [[nodiscard]] const proxy::Snapshot& snapshot() const { return snapshot_; }
  [[nodiscard]] Tables tables() const;

 private:
  void give(const transport::Inbound& inbound, const proxy::Tick& tick);
  void tell_unsent(const proxy::Tick& tick);
  // What was sent since the last call, once all that must hold does.
  [[nodiscard]] std::vector<SentMessage> take_sent();
  void check_sent(const SentMessage& message) const;
  void check_counters() const;
  void check_calls();
  [[nodiscard]] std::string text_of(const EventArg& arg, int64_t value) const;
  [[nodiscard]] std::string text_of(const balance::HealthSignal& signal) const;

  proxy::Snapshot snapshot_;
  Surroundings around_;
  const uint8_t table_key_;
  std::vector<balance::AffinityEntry> calls_;
  std::vector<balance::AffinityEntry> others_;
  std::vector<proxy::MovedFlow> moved_;
  std::unique_ptr<transport::MessageSlots> held_;
  const size_t held_before_;
  std::unique_ptr<proxy::ContextStore> contexts_;
  EventBell bell_;
  EventRing events_{bell_};
  StreamWire wire_;
  StreamReader streams_;
  proxy::LaneCounters counters_;
  proxy::Lane lane_;
  std::unique_ptr<sip::Message> scratch_ = std::make_unique<sip::Message>();
  std::vector<uint32_t> reserved_before_;  // by server: at the last look
  uint64_t given_ = 0;
  const size_t asks_max_;
  uint64_t finished_max_ = 0;
};

// What has been added between two looks.
[[nodiscard]] Process::Counts since(const Process::Counts& before, const Process::Counts& now);
// "forwarded 2, answered/404 1", or "nothing".
[[nodiscard]] std::string text_of(const Process::Counts& counts);

}  // namespace siplb::test
