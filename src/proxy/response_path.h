// What happens to a response (SIP.md 5; RFC 3261, 16.7 and 18.1.2).
//
// A transaction that knows it decides. Without one our Via says, under the seal, how the request
// went out and by which listener it came; what does not verify is dropped in silence, so that
// nobody can send through us to a place of his choice. A seal is good for as long as a request may
// take to be answered.
// Thread: one, the lane's worker. No heap.
#pragma once

#include "proxy/forwarder.h"
#include "proxy/request.h"
#include "proxy/stateful_path.h"
#include "proxy/target.h"
#include "proxy/verdict.h"

namespace siplb::proxy {

class ResponsePath {
 public:
  struct Options {
    Duration seal_life;     // how old our Via on a response may be, where no transaction knows it
    Instant foreign_until;  // what an earlier process relayed with state may still be answered
    size_t worker = 0;      // whose cells of the load board this path writes
  };
  struct Parts {
    TargetChooser& chooser;
    transport::Wire& wire;
    Forwarder& forwarder;
    StatefulPath& stateful;
    LaneCounters& counters;
    balance::LoadBoard& load;
    balance::HealthSink& health;
  };
  ResponsePath(const Options& options, const Outlook& outlook, const Parts& parts)
      : options_(options),
        outlook_(outlook),
        chooser_(parts.chooser),
        wire_(parts.wire),
        forwarder_(parts.forwarder),
        stateful_(parts.stateful),
        counters_(parts.counters),
        load_(parts.load),
        health_(parts.health) {}

  // Decides a response that scanned well, and sends it on where the verdict is Forward.
  Verdict decide(const sip::Message& message, const transport::Flow& source, const Tick& tick);

 private:
  void count_answer(const sip::Message& message, balance::ServerIndex server);
  void learn(const sip::Message& message, balance::ServerIndex server,
             const transport::Flow& client, Instant now);

  [[nodiscard]] bool is_stale(const sip::ViaSeal& seal, const Tick& tick) const;
  // True where whoever relayed it statefully is no more, so that it goes on as a stateless one
  // would.
  [[nodiscard]] bool is_orphan(const sip::ViaSeal& seal, uint16_t status, Instant now) const;

  const Options options_;
  const Outlook& outlook_;
  TargetChooser& chooser_;
  transport::Wire& wire_;
  Forwarder& forwarder_;
  StatefulPath& stateful_;
  LaneCounters& counters_;
  balance::LoadBoard& load_;
  balance::HealthSink& health_;
};

}  // namespace siplb::proxy
