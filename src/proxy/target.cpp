#include "proxy/target.h"

#include <array>

#include "balance/hash_key.h"
#include "base/assert.h"
#include "base/hash.h"

namespace siplb::proxy {
namespace {

balance::AffinityKind kind_of(sip::Method method) {
  return method == sip::Method::Invite ? balance::AffinityKind::Call : balance::AffinityKind::Other;
}

}  // namespace

TargetChooser::TargetChooser(uint64_t seed, const Outlook& outlook, const Parts& parts)
    : outlook_(outlook),
      affinity_(parts.affinity),
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
  const balance::ServerIndex first = topology.groups()[*group].first_server;
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

void TargetChooser::keep_alive(const Request& request) {
  static_cast<void>(affinity_.touch(key_of(request), request.tick.now));
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
  const uint64_t call = key(move.call_id, move.sender_group);
  const balance::AffinityEntry* entry = affinity_.find(call, now);
  // Somebody else's live call keeps its entry; one that is full of calls has no room for this one.
  if (entry != nullptr && entry->from_tag_hash != move.from_tag_hash) return;
  static_cast<void>(affinity_.put(call, outlook_.topology().servers()[move.server].id,
                                  move.from_tag_hash, move.attempt, kind_of(move.method), now));
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
  return balance::request_key_hash(options, request.message, request.source.remote);
}

void TargetChooser::learn(const Answer& answer, Instant now) {
  const uint64_t call = key(answer.call_id, answer.sender_group);
  if (affinity_.find(call, now) != nullptr) return;
  // A full table only means that this call goes on without an entry.
  static_cast<void>(affinity_.put(call, outlook_.topology().servers()[answer.target.server].id,
                                  outlook_.snapshot->seal.tag_hash(answer.from_tag),
                                  answer.target.attempt, kind_of(answer.method), now));
}

}  // namespace siplb::proxy
