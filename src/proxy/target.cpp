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

TargetChooser::TargetChooser(uint8_t lane, const Snapshot& snapshot,
                             balance::AffinityTable& affinity)
    : snapshot_(snapshot),
      affinity_(affinity),
      draw_seed_(uint64_t{snapshot.seal.instance()} << 8 | lane) {
  const size_t group_count = snapshot.topology.groups().size();
  turns_.reserve(group_count);
  for (size_t g = 0; g < group_count; ++g) {
    const auto group = static_cast<balance::GroupIndex>(g);
    turns_.emplace_back(snapshot.topology.first_tier_weights(group));
    // Were all lanes to begin alike, a few calls over many lanes would meet the first servers only.
    for (uint8_t turn = 0; turn < lane; ++turn) static_cast<void>(turns_.back().take_turn());
  }
}

uint64_t TargetChooser::key(std::string_view call_id, uint32_t sender_group) const {
  return balance::affinity_key(snapshot_.table_key, call_id, sender_group);
}

Target TargetChooser::target_of(balance::ServerIndex server) const {
  const balance::Server& chosen = snapshot_.topology.servers()[server];
  const auto to = snapshot_.flow_to(server, {chosen.address, chosen.transport});
  // The configuration refuses servers that no listener reaches.
  SIPLB_ASSERT(to.has_value());
  return {.server = server, .to = *to};
}

std::optional<TargetChooser::Place> TargetChooser::find_place(const UriPlace& place) const {
  const balance::Topology& topology = snapshot_.topology;
  const balance::ServerIndex server = topology.find_by_place(place.address);
  const auto group = server != balance::kNoServer ? topology.servers()[server].group
                                                  : topology.find_group_of_target(place.address);
  if (!group) return std::nullopt;
  // What is no server's address is reached as the group's servers are.
  const balance::ServerIndex first = topology.groups()[*group].first_server;
  const balance::Server& like = topology.servers()[server != balance::kNoServer ? server : first];
  const auto to =
      snapshot_.flow_to(first, {place.address, place.transport.value_or(like.transport)});
  if (!to) return std::nullopt;
  return Place{.group = *group, .target = {.server = server, .to = *to}};
}

TargetChooser::Affine TargetChooser::find_affine(uint64_t key, const Request& request,
                                                 Target& out) {
  const balance::AffinityEntry* entry = affinity_.touch(key, request.tick.now);
  if (entry == nullptr || entry->from_tag_hash != request.from_tag_hash) return Affine::Nothing;
  const balance::ServerIndex server = snapshot_.topology.find_by_id(entry->server_id);
  if (server == balance::kNoServer) return Affine::Gone;
  out = target_of(server);
  out.attempt = entry->attempt;
  return Affine::Found;
}

void TargetChooser::keep_alive(const Request& request) {
  static_cast<void>(affinity_.touch(key_of(request), request.tick.now));
}

TargetChooser::Remembered TargetChooser::choose(const Request& request, balance::GroupIndex group,
                                                uint64_t key_hash, Target& out) {
  const auto servers = snapshot_.topology.servers();
  const uint64_t call = key_of(request);
  const bool is_affine =
      find_affine(call, request, out) == Affine::Found && servers[out.server].group == group;
  if (!is_affine) {
    out = target_of(choose_freely(group, key_hash));
    if (is_anothers(call, request)) return Remembered::No;
  }
  out.attempt = 0;  // attempts are counted anew for each transaction
  const auto put = affinity_.put(call, servers[out.server].id, request.from_tag_hash, out.attempt,
                                 kind_of(request.message.method), request.tick.now);
  return put == balance::AffinityTable::PutStatus::Full ? Remembered::No : Remembered::Yes;
}

balance::ServerIndex TargetChooser::choose_freely(balance::GroupIndex group, uint64_t key_hash) {
  const balance::Group& chosen = snapshot_.topology.groups()[group];
  switch (chosen.options.policy) {
    case balance::Policy::Maglev: return snapshot_.topology.first_choice(group, key_hash);
    case balance::Policy::Random: return snapshot_.topology.next_choice(group, draw(), {});
    case balance::Policy::RoundRobin: break;
  }
  return static_cast<balance::ServerIndex>(chosen.first_server + turns_[group].take_turn());
}

uint64_t TargetChooser::draw() {
  const uint64_t turn = draw_count_++;
  return hash_octets({reinterpret_cast<const char*>(&turn), sizeof turn}, draw_seed_);
}

std::optional<Target> TargetChooser::choose_next(
    balance::GroupIndex group, uint64_t key_hash,
    std::span<const balance::ServerIndex> tried) const {
  const balance::ServerIndex next = snapshot_.topology.next_choice(group, key_hash, tried);
  if (next == balance::kNoServer) return std::nullopt;
  return target_of(next);
}

void TargetChooser::follow(const Move& move, Instant now) {
  const uint64_t call = key(move.call_id, move.sender_group);
  const balance::AffinityEntry* entry = affinity_.find(call, now);
  // Somebody else's live call keeps its entry; one that is full of calls has no room for this one.
  if (entry != nullptr && entry->from_tag_hash != move.from_tag_hash) return;
  static_cast<void>(affinity_.put(call, snapshot_.topology.servers()[move.server].id,
                                  move.from_tag_hash, move.attempt, kind_of(move.method), now));
}

bool TargetChooser::is_anothers(uint64_t key, const Request& request) const {
  const balance::AffinityEntry* entry = affinity_.find(key, request.tick.now);
  return entry != nullptr && entry->kind == balance::AffinityKind::Call &&
         entry->from_tag_hash != request.from_tag_hash;
}

std::optional<Target> TargetChooser::first_choice(const Request& request,
                                                  const RouteOptions& route) const {
  const balance::GroupOptions& options = snapshot_.topology.groups()[route.group].options;
  if (options.policy != balance::Policy::Maglev) return std::nullopt;
  return target_of(snapshot_.topology.first_choice(route.group, key_hash(request, route)));
}

uint64_t TargetChooser::key_hash(const Request& request, const RouteOptions& route) const {
  const balance::HashKeyOptions& options =
      route.hash_key ? *route.hash_key : snapshot_.topology.groups()[route.group].options.hash_key;
  return balance::request_key_hash(options, request.message, request.source.remote);
}

void TargetChooser::learn(const Answer& answer, Instant now) {
  const uint64_t call = key(answer.call_id, answer.sender_group);
  if (affinity_.find(call, now) != nullptr) return;
  // A full table only means that this call goes on without an entry.
  static_cast<void>(affinity_.put(call, snapshot_.topology.servers()[answer.target.server].id,
                                  snapshot_.seal.tag_hash(answer.from_tag), answer.target.attempt,
                                  kind_of(answer.method), now));
}

}  // namespace siplb::proxy
