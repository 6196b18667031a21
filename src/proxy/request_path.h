// What happens to a request, in the order of SIP.md 3.
//
//   checks -> a known transaction? -> own Routes popped -> loop? -> OPTIONS to us? -> CANCEL,
//   in-dialog, new
//
// new:        a Path or Route that its sender may name; else the first route that takes it: group
//             -> affinity or policy -> server, with state; or by its Request-URI
// in-dialog:  the end that the token names; else the affinity entry; else the hash policy; with
//             state where a stream is on the way
// CANCEL:     where its INVITE went; if that is not known, to every server of the group
// by a name:  where it is not known what that leads to, the request waits (name_waits.h)
//
// Thread: one, the lane's worker. No heap.
#pragma once

#include <optional>

#include "proxy/checks.h"
#include "proxy/forwarder.h"
#include "proxy/moved_flows.h"
#include "proxy/name_waits.h"
#include "proxy/request.h"
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
    TargetChooser& chooser;
    MovedFlows& moved;
    transport::Wire& wire;
    Forwarder& forwarder;
    SizeRule& size_rule;
    StatefulPath& stateful;
    NameWaits& waits;
    LaneCounters& counters;
  };
  RequestPath(const Outlook& outlook, const Parts& parts) : outlook_(outlook), parts_(parts) {}

  // Decides a request that scanned well, and sends it on where the verdict is Forward. What the
  // verdict points to lives until the next call.
  Verdict decide(const sip::Message& message, const transport::Flow& source, const Tick& tick);
  // There is a new book of names: what has waited for it goes on.
  void on_names(const Tick& tick);

 private:
  // What a request says itself about where it goes: a goal, a refusal, a name that nobody knows
  // yet, or nothing.
  struct Named {
    std::optional<Goal> goal;
    std::optional<Verdict> refusal;
    NamedBy awaited = NamedBy::Nothing;

    static Named at(const Goal& goal) { return {.goal = goal, .refusal = {}}; }
    static Named refused(const Verdict& verdict) { return {.goal = {}, .refusal = verdict}; }
    static Named refused(uint16_t code) { return refused(Verdict::reply(code)); }
    static Named awaits(NamedBy by) { return {.goal = {}, .refusal = {}, .awaited = by}; }
    [[nodiscard]] bool is_nothing() const {
      return !goal && !refusal && awaited == NamedBy::Nothing;
    }
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
  [[nodiscard]] Goal only_goal(const Request& request, const Target& target) const;
  // Which places such a URI may lead to.
  struct Reach {
    std::optional<Goal> (RequestPath::*goal_at)(const Request& request,
                                                const UriPlace& place) const;
    uint16_t refusal = 480;  // where it leads elsewhere
  };
  [[nodiscard]] std::optional<Goal> goal_of_ours(const Request& request,
                                                 const UriPlace& place) const;
  [[nodiscard]] std::optional<Goal> goal_anywhere(const Request& request,
                                                  const UriPlace& place) const;
  [[nodiscard]] Named read_goal(const Request& request, NamedBy by, const Reach& reach) const;
  [[nodiscard]] std::optional<Goal> choose_goal(const Request& request, const NameEntry& entry,
                                                const Reach& reach) const;
  // With state. Requires: it is not nothing.
  Verdict start(const Request& request, const Named& named);
  Verdict await(const Request& request, NamedBy by);
  // The flow to a client's end of a dialog: the newest that lives; nothing where none does.
  [[nodiscard]] std::optional<transport::Flow> flow_to_client(const Request& request,
                                                              const sip::TokenEnd& end) const;
  // The route of the request, a CANCEL or ACK being routed as the INVITE that it belongs to.
  [[nodiscard]] std::optional<size_t> select_route(const Request& request) const;

  // New work is refused.
  [[nodiscard]] bool is_draining() const {
    return outlook_.snapshot->admission == Admission::DialogsOnly;
  }
  // Counts what is refused.
  [[nodiscard]] bool is_over_rate(size_t route, const Tick& tick);

  // in_dialog.cpp
  // Never nothing.
  [[nodiscard]] Named read_dialog_goal(const Request& request);
  [[nodiscard]] Named read_tokenless_goal(const Request& request);
  [[nodiscard]] Named read_server_end(const Request& request, const sip::TokenEnd& end) const;
  [[nodiscard]] Named read_client_end(const Request& request, const sip::TokenEnd& end) const;
  [[nodiscard]] Goal goal_at_server(const Request& request, const Target& target) const;
  void note_moves(const Request& request, const sip::TokenEnd& from);
  // With state where it needs one.
  Verdict relay(const Request& request, const Goal& goal);

  Verdict scatter(const Request& request, balance::GroupIndex group);
  // The same, or by a stream where the request is too long for a datagram.
  [[nodiscard]] Target by_size(const Request& request, const Target& target,
                               std::string_view record_route_token) const;
  // Without state.
  Verdict forward(const Request& request, const Target& target, Outgoing outgoing);

  const Outlook& outlook_;
  const Parts parts_;
  UnsupportedLine unsupported_;
};

}  // namespace siplb::proxy
