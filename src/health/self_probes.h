// What siplbd asks of itself: OPTIONS to each of its listeners, on the way of any client's request,
// through the kernel, a lane, and back.
//
// All are asked in one round; what is not answered when the next round begins is lost. Any answer
// will do. It tells and decides nothing: overload may well cost the answer.
// Thread: one, the prober's; the counters any. Bounds: a descriptor per listener; heap only with a
// new plan.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/counter.h"
#include "base/duration_buckets.h"
#include "base/hash.h"
#include "health/probe_message.h"
#include "health/probe_plan.h"
#include "health/probe_socket.h"
#include "sip/message.h"
#include "transport/listener_options.h"

namespace siplb::health {

// Of one listener; one writer, any reader.
struct SelfProbeCounters {
  static constexpr uint64_t kNone = 0;  // it is not asked, or not yet
  static constexpr uint64_t kLost = UINT64_MAX;

  Counter answered;
  Counter lost;           // not answered in time, or not sent
  Counter last_ns;        // how long the last answer took; or kNone, or kLost
  DurationBuckets times;  // of the answers
};

class SelfProbes final : private ProbeSink {
 public:
  struct Parts {  // borrowed
    net::EventLoop& loop;
    std::span<char> area;  // as ProbeSocketParts
    const HashKey& probe_key;
  };
  // `run` is random: no process takes answers to another one's probes.
  SelfProbes(const Parts& parts, uint32_t run) : parts_(parts), run_(run) {}

  // From the next round on. What is asked as before goes on.
  void adopt(const ProbePlan& plan, Instant now);
  // When take_turn() has something to do; Instant::max(): never.
  [[nodiscard]] Instant due() const { return due_; }
  void take_turn(Instant now);
  // Lets go of the descriptors.
  void end();

  [[nodiscard]] const SelfProbeCounters& counters(transport::ListenerIndex listener) const {
    return counters_[listener];
  }

 private:
  struct Target {
    OwnListener listener;
    std::unique_ptr<ProbeSocket> socket;  // null: not asked
    ProbeBranch branch;                   // of the probe under way; empty: it is not sent yet
    bool is_waiting = false;
  };

  void begin(uint16_t index, const OwnListener& listener);
  void ask(uint16_t index);
  void transmit(uint16_t index);
  void lose(uint16_t index);
  [[nodiscard]] ProbeRequest request_of(const Target& target) const;

  // Of the listener of that index.
  void on_writable(uint16_t index) override { transmit(index); }
  void on_message(uint16_t index, std::string_view text) override;
  void on_refused(uint16_t index) override { lose(index); }

  const Parts parts_;
  const uint32_t run_;
  std::array<SelfProbeCounters, transport::kListenersMax> counters_;
  std::vector<Target> targets_;  // by listener
  std::chrono::milliseconds interval_{0};
  Instant due_ = Instant::max();
  uint32_t sequence_ = 0;  // of the last round
  Instant asked_at_{};
  sip::Message message_;
};

}  // namespace siplb::health
