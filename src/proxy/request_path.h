// What happens to a request, in the order of SIP.md 3.
//
//   checks -> a known transaction? -> own Routes popped -> OPTIONS to us? -> CANCEL, in-dialog, new
//
// new:        the first route that takes it -> group -> affinity or policy -> server, with state
// in-dialog:  the end that the token names; else the affinity entry; else the hash policy
// CANCEL:     where its INVITE went; if that is not known, to every server of the group
//
// Thread: one, the lane's worker. No heap.
#pragma once

#include <optional>

#include "proxy/forwarder.h"
#include "proxy/request.h"
#include "proxy/stateful_path.h"
#include "proxy/target.h"
#include "proxy/verdict.h"

namespace siplb::proxy {

// Servers that a CANCEL of unknown aim is copied to, at most.
inline constexpr size_t kScatterMax = 8;

class RequestPath {
 public:
  RequestPath(const Snapshot& snapshot, TargetChooser& chooser, Forwarder& forwarder,
              StatefulPath& stateful, LaneCounters& counters)
      : snapshot_(snapshot),
        chooser_(chooser),
        forwarder_(forwarder),
        stateful_(stateful),
        counters_(counters) {}

  // Decides a request that scanned well, and sends it on where the verdict is Forward.
  Verdict decide(const sip::Message& message, const transport::Flow& source, const Tick& tick);

 private:
  Verdict decide_new(const Request& request);
  Verdict decide_in_dialog(const Request& request);
  Verdict decide_cancel(const Request& request);

  // The target of a Route that the sender put there itself: obeyed from servers, and to places of
  // ours only; nothing otherwise.
  [[nodiscard]] std::optional<Target> own_route_target(const Request& request) const;

  Verdict send_to_end(const Request& request, const sip::TokenEnd& end);
  Verdict send_without_token(const Request& request);
  Verdict send_in_dialog(const Request& request, const Target& target);

  Verdict send_cancel(const Request& request, const Target& target);
  Verdict scatter(const Request& request, balance::GroupIndex group);

  // The route of the request, a CANCEL or ACK being routed as the INVITE that it belongs to.
  [[nodiscard]] const RouteOptions* route_of(const Request& request) const;
  // Sends to `outgoing.to.remote`, a place of the target, by the side that reaches it.
  Verdict forward_to_server(const Request& request, const Target& target, Outgoing outgoing);

  const Snapshot& snapshot_;
  TargetChooser& chooser_;
  Forwarder& forwarder_;
  StatefulPath& stateful_;
  LaneCounters& counters_;
};

}  // namespace siplb::proxy
