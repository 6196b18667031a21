// What happens to a response (SIP.md 5; RFC 3261, 16.7 and 18.1.2).
//
// Our Via says, under the seal, how the request went out and by which listener it came; what does
// not verify is dropped in silence, so that nobody can send through us to a place of his choice.
// Thread: one, the lane's worker. No heap.
#pragma once

#include "proxy/forwarder.h"
#include "proxy/request.h"
#include "proxy/target.h"
#include "proxy/verdict.h"

namespace siplb::proxy {

class ResponsePath {
 public:
  ResponsePath(const Snapshot& snapshot, TargetChooser& chooser, Forwarder& forwarder,
               LaneCounters& counters)
      : snapshot_(snapshot), chooser_(chooser), forwarder_(forwarder), counters_(counters) {}

  // Decides a response that scanned well, and sends it on where the verdict is Forward.
  Verdict decide(const sip::Message& message, const transport::Flow& source, const Tick& tick);

 private:
  void count_answer(const sip::Message& message, balance::ServerIndex server);
  void learn(const sip::Message& message, balance::ServerIndex server, const transport::Flow& to,
             Instant now);

  const Snapshot& snapshot_;
  TargetChooser& chooser_;
  Forwarder& forwarder_;
  LaneCounters& counters_;
};

}  // namespace siplb::proxy
