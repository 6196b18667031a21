// The server that a request goes to: by affinity, else by the group's policy (SIP.md 3, DESIGN 6).
//
// Thread: one, the lane's worker. Bounds: the affinity table given; no heap after the constructor.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "balance/affinity.h"
#include "balance/selector.h"
#include "proxy/outlook.h"
#include "proxy/request.h"

namespace siplb::proxy {

// Where a request goes.
struct Target {
  // None: a client, or a server that has left the configuration.
  balance::ServerIndex server = balance::kNoServer;
  transport::Flow to;
  uint8_t attempt = 0;  // of the branch that its call went out with
};

class TargetChooser {
 public:
  // All are borrowed.
  struct Parts {
    balance::AffinityTable& affinity;
    const balance::LoadBoard& load;
    balance::CallCounts& calls;
  };
  // `seed` decides where turns and draws begin.
  TargetChooser(uint64_t seed, const Outlook& outlook, const Parts& parts);

  enum class [[nodiscard]] Affine : uint8_t{Nothing, Found, Gone};
  // The server that this side's earlier requests of the call went to, if the From tag is the same.
  // Gone: there is one, but it has left the configuration.
  Affine find_affine(const Request& request, Target& out) {
    return find_affine(key_of(request), request, out);
  }

  // Restarts the life of the call's entry, which is its initiator's: its dialog goes on, by token.
  void keep_alive(const Request& request, const sip::TokenEnd& initiator);

  // Where the request falls among the servers that a route leads to: by its hash key, else by its
  // group's. Requires: the route leads to a group.
  [[nodiscard]] uint64_t key_hash(const Request& request, const RouteOptions& route) const;

  enum class [[nodiscard]] Chosen : uint8_t{
      Remembered,
      // The affinity table has no room for the call, or another caller has a live call of that
      // Call-ID, which nobody else can move.
      Loose,
      Nobody,  // takes new work now
  };
  // The server for new work in `group`: the affine one if it is of this group and takes new work,
  // else the policy's choice.
  Chosen choose(const Request& request, balance::GroupIndex group, uint64_t key_hash, Target& out);

  // The hash policy's first choice; nothing where the group's policy does not hash.
  [[nodiscard]] std::optional<Target> first_choice(const Request& request,
                                                   const RouteOptions& route) const;

  // Where to turn once all of `tried` have failed; nothing where nobody is left.
  struct Next {
    balance::GroupIndex group = 0;
    uint64_t key_hash = 0;
    sip::Method method = sip::Method::Other;
    std::span<const balance::ServerIndex> tried;
  };
  [[nodiscard]] std::optional<Target> choose_next(const Next& next, Instant now);
  // True where choose_next() has an answer.
  [[nodiscard]] bool has_next(const Next& next, Instant now) const;

  // A request of one side's, and whose it is: as its entry in the affinity table knows it.
  struct Call {
    uint64_t key = 0;
    uint32_t from_tag_hash = 0;
    sip::Method method = sip::Method::Other;
  };
  [[nodiscard]] Call call_of(const Request& request) const {
    return {key_of(request), request.from_tag_hash, request.message.method};
  }
  // It has gone on to another server: CANCEL and later requests follow it.
  struct Move {
    Call call;
    balance::ServerIndex server = balance::kNoServer;
    uint8_t attempt = 0;
  };
  void follow(const Move& move, Instant now);

  // Counts of calls, in whose entries they stand. Each takes an INVITE that goes where the group's
  // policy says.
  // Takes a call slot of that server; false where it has none left.
  [[nodiscard]] bool try_reserve(const Call& call, balance::ServerIndex server, Instant now);
  // The INVITE ended, and what it has reserved ends unless it was answered 2xx.
  void end_reservation(const Call& call, balance::ServerIndex server, Instant now);
  // The INVITE goes on elsewhere, or comes back: see AffinityTable. A slot that was handed out and
  // is not wanted any more is released.
  [[nodiscard]] bool hand_out_slot(const Call& call, balance::ServerIndex server, Instant now);
  [[nodiscard]] bool take_in_slot(const Call& call, balance::ServerIndex server, Instant now);
  void release_slot(balance::ServerIndex server);
  void activate(const Call& call, balance::ServerIndex server, Instant now);
  // A final response to a BYE: the call is over if it says so.
  struct ByeAnswer {
    const sip::Message& message;
    const transport::Flow& answerer;
    const transport::Flow& asker;
  };
  void on_bye_answered(const ByeAnswer& bye, Instant now);

  // Remembers from a response that `server` has the call, if nothing is known of it: that is so
  // after a restart. `sender_group` is that of whom the response goes to.
  struct Answer {
    std::string_view call_id;
    std::string_view from_tag;
    sip::Method method = sip::Method::Other;
    uint16_t status = 0;
    uint32_t sender_group = 0;
    Target target = {};
  };
  void learn(const Answer& answer, Instant now);

  [[nodiscard]] Target target_of(balance::ServerIndex server) const;
  // A place where dialogs of some group may live, and that group; nothing where it is none. What
  // its URI does not say of the transport is as its server's, else as the group's first server's.
  struct Place {
    balance::GroupIndex group = 0;
    Target target;
  };
  [[nodiscard]] std::optional<Place> find_place(const UriPlace& place) const;

 private:
  [[nodiscard]] uint64_t key(std::string_view call_id, uint32_t sender_group) const;
  [[nodiscard]] uint64_t key_of(const Request& request) const {
    return key(request.message.call_id, request.sender.affinity_group);
  }
  Affine find_affine(uint64_t key, const Request& request, Target& out);
  [[nodiscard]] balance::Selector::Wanted wanted(const Next& next, Instant now) const;
  [[nodiscard]] balance::AffinityTable::Call entry_of(const Call& call,
                                                      balance::ServerIndex server) const;
  // Ends the call of the initiator's side whose tag that is, if `callee` is its server.
  struct Initiator {
    std::string_view tag;
    uint32_t affinity_group = 0;
  };
  [[nodiscard]] bool try_end_call(std::string_view call_id, const Initiator& initiator,
                                  const Sender& callee, Instant now);
  // True where a live call of another From tag has this key.
  [[nodiscard]] bool is_anothers(uint64_t key, const Request& request) const;

  const Outlook& outlook_;
  balance::AffinityTable& affinity_;
  balance::CallCounts& calls_;
  balance::Selector selector_;
};

}  // namespace siplb::proxy
