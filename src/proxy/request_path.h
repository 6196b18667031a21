// What happens to a request, in the order of SIP.md 3.
//
//   checks -> a known transaction? -> own Routes popped -> loop? -> OPTIONS to us? -> CANCEL,
//   in-dialog, new
//
// new:        a Path or Route that its sender may name; else the first route that takes it: group
//             -> affinity or policy -> server, with state; or by its Request-URI
// in-dialog:  the end that the token names; else the affinity entry; else the hash policy
// CANCEL:     where its INVITE went; if that is not known, to every server of the group
//
// Thread: one, the lane's worker. No heap.
#pragma once

#include <optional>

#include "proxy/checks.h"
#include "proxy/forwarder.h"
#include "proxy/moved_flows.h"
#include "proxy/request.h"
#include "proxy/route_table.h"
#include "proxy/stateful_path.h"
#include "proxy/target.h"
#include "proxy/verdict.h"

namespace siplb::proxy {

// Servers that a CANCEL of unknown aim is copied to, at most.
inline constexpr size_t kScatterMax = 8;

class RequestPath {
 public:
  // All are borrowed for the path's life.
  struct Parts {
    const RouteTable& routes;
    TargetChooser& chooser;
    MovedFlows& moved;
    Forwarder& forwarder;
    StatefulPath& stateful;
    LaneCounters& counters;
  };
  RequestPath(const Snapshot& snapshot, const Parts& parts) : snapshot_(snapshot), parts_(parts) {}

  // Decides a request that scanned well, and sends it on where the verdict is Forward. What the
  // verdict points to lives until the next call.
  Verdict decide(const sip::Message& message, const transport::Flow& source, const Tick& tick);

 private:
  // What a request says itself about where it goes: a goal, a refusal, or nothing.
  struct Named {
    std::optional<Goal> goal;
    std::optional<Verdict> refusal;

    static Named at(const Goal& goal) { return {.goal = goal, .refusal = {}}; }
    static Named refused(uint16_t code) { return {.goal = {}, .refusal = Verdict::reply(code)}; }
  };

  Verdict pass_on(const Request& request, StatefulPath::Known known);
  Verdict decide_new(const Request& request);
  Verdict start_by_route(const Request& request, size_t route);
  Verdict decide_in_dialog(const Request& request);
  Verdict decide_cancel(const Request& request);

  // goal.cpp
  // By a Path of ours, or by a Route of the sender's own: both are obeyed from servers only, and a
  // Route to places of ours only.
  [[nodiscard]] Named read_named_goal(const Request& request) const;
  // By its Request-URI.
  [[nodiscard]] Named read_uri_goal(const Request& request) const;
  // The flow to a client's end of a dialog; nothing where it can't be reached.
  [[nodiscard]] std::optional<transport::Flow> flow_to_client(const Request& request,
                                                              const sip::TokenEnd& end) const;
  // The route of the request, a CANCEL or ACK being routed as the INVITE that it belongs to.
  [[nodiscard]] std::optional<size_t> select_route(const Request& request) const;

  // Counts what is refused.
  [[nodiscard]] bool is_over_rate(size_t route, const Tick& tick);

  void note_moves(const Request& request, const sip::TokenEnd& from);
  Verdict send_to_end(const Request& request, const sip::TokenEnd& end);
  Verdict send_without_token(const Request& request);
  Verdict send_to_server(const Request& request, const Target& target);
  Verdict send_in_dialog(const Request& request, const Target& target);
  Verdict scatter(const Request& request, balance::GroupIndex group);
  // Without state.
  Verdict forward(const Request& request, const Target& target, Outgoing outgoing);

  const Snapshot& snapshot_;
  const Parts parts_;
  UnsupportedLine unsupported_;
};

}  // namespace siplb::proxy
