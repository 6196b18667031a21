#include "proxy/target.h"

#include <array>

#include "balance/hash_key.h"
#include "base/assert.h"
#include "base/hash.h"
#include "proxy/witness.h"

namespace siplb::proxy {
namespace {

balance::AffinityKind kind_of(sip::Method method) {
  return method == sip::Method::Invite ? balance::AffinityKind::Call : balance::AffinityKind::Other;
}

}  // namespace

TargetChooser::TargetChooser(uint64_t seed, const Outlook& outlook, const Parts& parts)
    : outlook_(outlook),
      affinity_(parts.affinity),
      calls_(parts.calls),
      selector_(parts.load, parts.calls, outlook.topology().servers().size(), seed) {}

uint64_t TargetChooser::key(std::string_view call_id, uint32_t sender_group) const {
  return balance::affinity_key(outlook_.snapshot->table_key, call_id, sender_group);
}

Target TargetChooser::target_of(balance::ServerIndex server) const {
  const balance::Server& chosen = outlook_.topology().servers()[server];
  const auto to = outlook_.snapshot->flow_to(server, {chosen.address, chosen.transport});
  // The configuration refuses servers that no listener reaches.
  SIPLB_ASSERT(to.has_value());
  return {.server = server, .to = *to};
}

std::optional<TargetChooser::Place> TargetChooser::find_place(const UriPlace& place) const {
  const balance::Topology& topology = outlook_.topology();
  const balance::ServerIndex server = topology.find_by_place(place.address);
  const auto group = server != balance::kNoServer ? topology.servers()[server].group
                                                  : topology.find_group_of_target(place.address);
  if (!group) return std::nullopt;
  // What is no server's address is reached as the group's servers are.
  const balance::ServerIndex first = topology.groups()[*group].servers.front();
  const balance::Server& like = topology.servers()[server != balance::kNoServer ? server : first];
  const auto to =
      outlook_.snapshot->flow_to(first, {place.address, place.transport.value_or(like.transport)});
  if (!to) return std::nullopt;
  return Place{.group = *group, .target = {.server = server, .to = *to}};
}

TargetChooser::Affine TargetChooser::find_affine(uint64_t key, const Request& request,
                                                 Target& out) {
  const balance::AffinityEntry* entry = affinity_.touch(key, request.tick.now);
  if (entry == nullptr || entry->from_tag_hash != request.from_tag_hash) return Affine::Nothing;
  const balance::ServerIndex server = outlook_.topology().find_by_id(entry->server_id);
  if (server == balance::kNoServer) return Affine::Gone;
  out = target_of(server);
  out.attempt = entry->attempt;
  return Affine::Found;
}

void TargetChooser::keep_alive(const Request& request, const sip::TokenEnd& initiator) {
  const balance::Topology& topology = outlook_.topology();
  const auto server =
      initiator.is_server ? topology.find_by_id(initiator.server_id) : balance::kNoServer;
  const uint32_t group = server == balance::kNoServer ? 0 : affinity_group_of(topology, server);
  static_cast<void>(affinity_.touch(key(request.message.call_id, group), request.tick.now));
}

balance::Selector::Wanted TargetChooser::wanted(const Next& next, Instant now) const {
  return {.topology = outlook_.topology(),
          .status = *outlook_.status,
          .group = next.group,
          .key_hash = next.key_hash,
          .tried = next.tried,
          .is_call = next.method == sip::Method::Invite,
          .now = now};
}

TargetChooser::Chosen TargetChooser::choose(const Request& request, balance::GroupIndex group,
                                            uint64_t key_hash, Target& out) {
  const auto servers = outlook_.topology().servers();
  const sip::Method method = request.message.method;
  const Instant now = request.tick.now;
  const uint64_t call = key_of(request);
  const auto want =
      wanted({.group = group, .key_hash = key_hash, .method = method, .tried = {}}, now);
  const bool is_affine = find_affine(call, request, out) == Affine::Found &&
                         servers[out.server].group == group &&
                         selector_.is_eligible(want, out.server);
  if (!is_affine) {
    if (outlook_.witness != nullptr) outlook_.witness->on_choice(selector_, want);
    const balance::Selector::Choice choice = selector_.choose(want);
    if (choice.server == balance::kNoServer) return Chosen::Nobody;
    out = target_of(choice.server);
    if (is_anothers(call, request)) return Chosen::Loose;
  }
  out.attempt = 0;  // attempts are counted anew for each transaction
  const auto put = affinity_.put(call, servers[out.server].id, request.from_tag_hash, out.attempt,
                                 kind_of(method), now);
  return put == balance::AffinityTable::PutStatus::Full ? Chosen::Loose : Chosen::Remembered;
}

std::optional<Target> TargetChooser::choose_next(const Next& next, Instant now) {
  const balance::ServerIndex server = selector_.choose(wanted(next, now)).server;
  if (server == balance::kNoServer) return std::nullopt;
  return target_of(server);
}

bool TargetChooser::has_next(const Next& next, Instant now) const {
  return selector_.has_choice(wanted(next, now));
}

void TargetChooser::follow(const Move& move, Instant now) {
  const balance::AffinityEntry* entry = affinity_.find(move.call.key, now);
  // Somebody else's live call keeps its entry; one that is full of calls has no room for this one.
  if (entry != nullptr && entry->from_tag_hash != move.call.from_tag_hash) return;
  static_cast<void>(affinity_.put(move.call.key, outlook_.topology().servers()[move.server].id,
                                  move.call.from_tag_hash, move.attempt, kind_of(move.call.method),
                                  now));
}

balance::AffinityTable::Call TargetChooser::entry_of(const Call& call,
                                                     balance::ServerIndex server) const {
  return {.key = call.key,
          .from_tag_hash = call.from_tag_hash,
          .server_id = outlook_.topology().servers()[server].id};
}

bool TargetChooser::try_reserve(const Call& call, balance::ServerIndex server, Instant now) {
  const uint32_t max_calls = outlook_.topology().servers()[server].max_calls;
  return affinity_.reserve(entry_of(call, server), server, max_calls, now) !=
         balance::AffinityTable::ReserveStatus::Full;
}

void TargetChooser::end_reservation(const Call& call, balance::ServerIndex server, Instant now) {
  affinity_.end_reservation(entry_of(call, server), now);
}

bool TargetChooser::hand_out_slot(const Call& call, balance::ServerIndex server, Instant now) {
  return affinity_.hand_out_reservation(entry_of(call, server), now);
}

bool TargetChooser::take_in_slot(const Call& call, balance::ServerIndex server, Instant now) {
  return affinity_.take_in_reservation(entry_of(call, server), server, now);
}

void TargetChooser::release_slot(balance::ServerIndex server) {
  calls_.release(server, balance::CallState::Reserved);
}

void TargetChooser::activate(const Call& call, balance::ServerIndex server, Instant now) {
  affinity_.activate(entry_of(call, server), server, now);
}

// Its caller has sent the BYE, or its callee.
void TargetChooser::on_bye_answered(const ByeAnswer& bye, Instant now) {
  const sip::Message& message = bye.message;
  // Who knows of no such call, or has nobody to ask, has ended it too (RFC 3261, 15.1.1).
  const bool is_over = message.status / 100 == 2 || message.status == 481 || message.status == 408;
  if (!is_over) return;
  const Sender asker = find_sender(*outlook_.snapshot, bye.asker);
  const Sender answerer = find_sender(*outlook_.snapshot, bye.answerer);
  if (try_end_call(message.call_id, {message.from_tag, asker.affinity_group}, answerer, now)) {
    return;
  }
  static_cast<void>(
      try_end_call(message.call_id, {message.to_tag, answerer.affinity_group}, asker, now));
}

bool TargetChooser::try_end_call(std::string_view call_id, const Initiator& initiator,
                                 const Sender& callee, Instant now) {
  const uint64_t call = key(call_id, initiator.affinity_group);
  const balance::AffinityEntry* const entry = affinity_.find(call, now);
  if (entry == nullptr) return false;
  const balance::ServerIndex server = outlook_.topology().find_by_id(entry->server_id);
  const bool is_of_its_group =
      server == balance::kNoServer ||
      (callee.groups >> outlook_.topology().servers()[server].group & 1) != 0;
  return is_of_its_group &&
         affinity_.end_call({.key = call,
                             .from_tag_hash = outlook_.snapshot->seal.tag_hash(initiator.tag),
                             .server_id = entry->server_id},
                            now);
}

bool TargetChooser::is_anothers(uint64_t key, const Request& request) const {
  const balance::AffinityEntry* entry = affinity_.find(key, request.tick.now);
  return entry != nullptr && entry->kind == balance::AffinityKind::Call &&
         entry->from_tag_hash != request.from_tag_hash;
}

std::optional<Target> TargetChooser::first_choice(const Request& request,
                                                  const RouteOptions& route) const {
  const balance::GroupOptions& options = outlook_.topology().groups()[route.group].options;
  if (options.policy != balance::Policy::Maglev) return std::nullopt;
  const auto server = outlook_.topology().first_choice(route.group, key_hash(request, route));
  if (server == balance::kNoServer) return std::nullopt;
  return target_of(server);
}

uint64_t TargetChooser::key_hash(const Request& request, const RouteOptions& route) const {
  const balance::HashKeyOptions& options =
      route.hash_key ? *route.hash_key : outlook_.topology().groups()[route.group].options.hash_key;
  const auto by = balance::request_key(options, request.message, request.source.remote);
  if (outlook_.witness != nullptr) outlook_.witness->on_key(by);
  return by.hash();
}

void TargetChooser::learn(const Answer& answer, Instant now) {
  const Call call{.key = key(answer.call_id, answer.sender_group),
                  .from_tag_hash = outlook_.snapshot->seal.tag_hash(answer.from_tag),
                  .method = answer.method};
  if (affinity_.find(call.key, now) == nullptr) {
    // A full table only means that this call goes on without an entry.
    follow({.call = call, .server = answer.target.server, .attempt = answer.target.attempt}, now);
  }
  if (answer.method != sip::Method::Invite || answer.status < 200) return;
  // What the earlier process has reserved comes to its end here.
  if (answer.status < 300) {
    activate(call, answer.target.server, now);
  } else {
    end_reservation(call, answer.target.server, now);
  }
}

}  // namespace siplb::proxy
