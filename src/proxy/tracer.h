// A worker's share of a trace: which messages are followed, and what is told of them.
//
// Each message is matched by itself, as it comes in and as it leaves; so nothing about calls is
// remembered. Without a trace a message costs the lane a test of one pointer (proxy/witness.h).
// Thread: one that follows (follow, take, lost) and one, the worker's (all else). Bounds: the
// ring's; no heap on the worker.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/published.h"
#include "proxy/outlook.h"
#include "proxy/request.h"
#include "proxy/trace_ring.h"
#include "proxy/witness.h"

namespace siplb::proxy {

// Which messages are followed: those of which all holds that is said.
struct TraceFilter {
  uint32_t number = 0;  // tells traces apart; 0: nothing is followed
  std::string call_id;
  std::string user;
  std::vector<balance::ServerIndex> servers;  // the other end is one of these
};

class Tracer final : public Witness {
 public:
  // Both are borrowed.
  Tracer(const Outlook& outlook, const Tick& tick) : outlook_(outlook), tick_(tick) {}

  // Follows from the next tick on.
  void follow(TraceFilter filter);
  // The oldest record of the trace with that number; those of others are thrown away.
  [[nodiscard]] std::optional<TraceRecord> try_take(uint32_t number);
  // Messages that found the ring full, since the start.
  [[nodiscard]] uint64_t lost() const { return ring_.lost(); }

  // Once in each tick: itself while something is followed, else null.
  [[nodiscard]] Witness* look();
  void on_received(uint8_t lane, const transport::Inbound& inbound) override;
  void on_verdict(const Verdict& verdict) override;
  // A lane has given this to the wire.
  void on_sent(uint8_t lane, const transport::Flow& flow, std::span<const std::string_view> pieces,
               transport::SendStatus status);
  // At the end of the tick: what it has brought may be taken.
  void publish() { ring_.publish(); }

 private:
  // Null where it is not followed, or the ring is full.
  [[nodiscard]] TraceRecord* record(const transport::Flow& flow, std::string_view octets);
  // Of all servers at this address the one that is followed.
  [[nodiscard]] balance::ServerIndex followed_at(balance::ServerIndex server) const;

  const Outlook& outlook_;
  const Tick& tick_;
  Published<TraceFilter> filters_{1, std::make_unique<const TraceFilter>()};
  const TraceFilter* filter_ = nullptr;  // of this tick
  TraceRecord* undecided_ = nullptr;     // what was received last, until its verdict
  TraceRing ring_;
};

}  // namespace siplb::proxy
