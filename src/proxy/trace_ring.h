// The way from a worker to who follows calls: what it tells of each message, in a ring.
//
// A record is written where it lies, and may be completed until the end of the tick, when publish()
// shows all that were begun. A full ring drops the newest and counts it.
// Thread: one that writes and one that takes. Bounds: kCapacity records.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "balance/topology.h"
#include "base/counter.h"
#include "base/time.h"
#include "proxy/outcome.h"
#include "proxy/trace_message.h"
#include "transport/wire.h"

namespace siplb::proxy {

struct TraceRecord {
  enum class Way : uint8_t { In, Out };

  uint32_t trace = 0;  // whose it is: TraceFilter::number
  Instant at;
  Way way = Way::In;
  uint8_t lane = 0;
  balance::ServerIndex server = balance::kNoServer;  // who is at the other end; none: a client
  transport::Flow flow;
  TraceTitle title;
  TraceCallId call_id;
  TraceCSeq cseq;

  Outcome outcome;                                             // of what came in
  transport::SendStatus sent = transport::SendStatus::Queued;  // of what goes out
};

class TraceRing {
 public:
  static constexpr size_t kCapacity = 256;

  TraceRing() = default;
  TraceRing(const TraceRing&) = delete;
  TraceRing& operator=(const TraceRing&) = delete;

  // Producer. A place for the next record, which is the producer's until publish(); null where the
  // ring is full.
  [[nodiscard]] TraceRecord* begin();
  void publish();

  // Consumer: the oldest record; nothing when empty.
  [[nodiscard]] std::optional<TraceRecord> try_take();

  // Records for which there was no room. From any thread.
  [[nodiscard]] uint64_t lost() const { return lost_.value(); }

 private:
  Counter lost_;
  size_t begun_ = 0;                         // the producer's: where the next one begins
  std::atomic<size_t> tail_{0};              // behind the last that is published
  alignas(64) std::atomic<size_t> head_{0};  // the consumer's
  std::array<TraceRecord, kCapacity> records_;
};

}  // namespace siplb::proxy
