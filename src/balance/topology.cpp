#include "balance/topology.h"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>

#include "base/assert.h"
#include "sip/seal.h"

namespace siplb::balance {
namespace {

size_t count_servers(std::span<const GroupOptions> groups) {
  size_t count = 0;
  for (const GroupOptions& group : groups) count += group.servers.size();
  return count;
}

size_t count_sources(std::span<const GroupOptions> groups) {
  size_t count = 0;
  for (const GroupOptions& group : groups) {
    for (const ServerOptions& server : group.servers) count += server.sources.size();
  }
  return count;
}

// At most half full, so that a search ends after a few steps.
size_t address_table_size(size_t servers) {
  return std::bit_ceil(2 * servers + 1);
}

// Nobody can be reached at an empty place.
bool is_empty(const ServerOptions& server) {
  return server.address.family() == SockAddress::Family::None;
}

uint32_t weight_of(const ServerOptions& server) {
  return is_empty(server) ? 0 : server.weight;
}

bool has_weight(const GroupOptions& group, uint8_t priority) {
  return std::any_of(group.servers.begin(), group.servers.end(), [=](const ServerOptions& server) {
    return server.priority == priority && weight_of(server) > 0;
  });
}

// What a token calls a server. A place of a host name is called by name and address: should the
// address move on to another place of the name, its dialogs follow it, and no others do.
uint32_t id_of(const GroupOptions& group, const ServerOptions& server) {
  if (server.host.empty()) return sip::server_id(group.name, server.name);
  std::string name = server.name.substr(0, server.name.find('/')) + '@';
  name += server.address.text().view();
  return sip::server_id(group.name, name);
}

// How many servers each priority has.
std::map<uint8_t, size_t> tier_sizes(const GroupOptions& group) {
  std::map<uint8_t, size_t> sizes;
  for (const ServerOptions& server : group.servers) ++sizes[server.priority];
  return sizes;
}

// What a copy of `text` takes from the heap: nothing where it fits into the string itself.
size_t heap_octets(const std::string& text) {
  return text.size() > std::string().capacity() ? text.size() + 1 : 0;
}

size_t heap_octets(const GroupOptions& group) {
  size_t octets =
      heap_octets(group.name) + heap_octets(group.hash_key.header) +
      group.failover.codes.size() * sizeof(uint16_t) + group.health.down.size() * sizeof(uint16_t) +
      group.targets.size() * sizeof(Network) + group.servers.size() * sizeof(ServerOptions);
  for (const ServerOptions& server : group.servers) {
    octets += heap_octets(server.name) + heap_octets(server.host) +
              server.sources.size() * sizeof(Network) +
              server.health.down.size() * sizeof(uint16_t);
  }
  return octets;
}

}  // namespace

ServerPlaces places_in_order(std::span<const GroupOptions> groups) {
  ServerPlaces places{.of = std::vector<ServerIndex>(count_servers(groups)), .count = 0};
  std::iota(places.of.begin(), places.of.end(), ServerIndex{0});
  places.count = places.of.size();
  return places;
}

Topology::Topology(std::span<const GroupOptions> groups, const ServerPlaces& places) {
  const size_t server_count = count_servers(groups);
  SIPLB_ASSERT(groups.size() <= kGroupsMax);
  SIPLB_ASSERT(places.of.size() == server_count);
  SIPLB_ASSERT(places.count <= kServersMax);
  groups_.reserve(groups.size());
  servers_.resize(places.count);
  tiers_.reserve(groups.size());
  by_id_.reserve(server_count);
  by_address_.resize(address_table_size(server_count));
  by_ip_.resize(address_table_size(server_count));
  sources_.reserve(count_sources(groups));

  std::span<const ServerIndex> left(places.of);
  for (const GroupOptions& group : groups) {
    add_group(group, left.first(group.servers.size()));
    left = left.subspan(group.servers.size());
  }
  std::sort(by_id_.begin(), by_id_.end(),
            [](const IdEntry& a, const IdEntry& b) { return a.id < b.id; });
}

void Topology::add_server(const GroupOptions& group, const ServerOptions& options,
                          ServerIndex place) {
  SIPLB_ASSERT(place < servers_.size());
  Server& server = servers_[place];
  server = {.name = options.name,
            .id = is_empty(options) ? 0 : id_of(group, options),
            .address = options.address,
            .transport = options.transport,
            .takes_tcp = options.takes_tcp,
            .weight = weight_of(options),
            .priority = options.priority,
            .group = static_cast<GroupIndex>(groups_.size()),
            .max_calls = options.max_calls,
            .max_inflight = options.max_inflight};
  if (is_empty(options)) return;
  by_id_.push_back({.id = server.id, .server = place});
  add_address(by_address_, server.address, place);
  add_address(by_ip_, server.address.with_port(0), place);
  for (const Network& network : options.sources) {
    sources_.push_back({.network = network, .server = place});
  }
}

void Topology::add_group(const GroupOptions& options, std::span<const ServerIndex> places) {
  for (size_t i = 0; i < places.size(); ++i) add_server(options, options.servers[i], places[i]);
  groups_.push_back({.options = options, .servers = {places.begin(), places.end()}});
  std::map<uint8_t, size_t> sizes = tier_sizes(options);
  std::erase_if(sizes, [&](const auto& tier) { return !has_weight(options, tier.first); });
  std::vector<Tier>& tiers = tiers_.emplace_back();
  tiers.reserve(sizes.size());
  for (const auto& [priority, size] : sizes) {
    tiers.push_back(make_tier(groups_.back(), priority, size));
  }
}

Tier Topology::make_tier(const Group& group, uint8_t priority, size_t size) const {
  Tier tier;
  tier.members.reserve(size);
  for (const ServerIndex index : group.servers) {
    if (servers_[index].priority != priority) continue;
    tier.members.push_back({.server = index, .weight = servers_[index].weight});
  }
  std::sort(tier.members.begin(), tier.members.end(),
            [this](const Tier::Member& a, const Tier::Member& b) {
              return servers_[a.server].id < servers_[b.server].id;
            });
  if (group.options.policy != Policy::Maglev) return tier;

  std::vector<MaglevMember> members;
  members.reserve(size);
  for (const Tier::Member& member : tier.members) {
    members.push_back({.id = servers_[member.server].id, .weight = member.weight});
  }
  tier.table.emplace(members);
  return tier;
}

void Topology::add_address(std::vector<AddressEntry>& table, const SockAddress& address,
                           ServerIndex server) {
  AddressEntry& entry = table[slot_of(table, address)];
  if (entry.server == kNoServer) {
    entry.address = address;
    entry.server = server;
  }
  entry.groups |= uint64_t{1} << servers_[server].group;
}

size_t Topology::slot_of(std::span<const AddressEntry> table, const SockAddress& address) {
  const size_t mask = table.size() - 1;
  size_t slot = address.hash() & mask;
  while (table[slot].server != kNoServer && table[slot].address != address) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

ServerIndex Topology::find_by_id(uint32_t id) const {
  const auto found =
      std::lower_bound(by_id_.begin(), by_id_.end(), id,
                       [](const IdEntry& entry, uint32_t wanted) { return entry.id < wanted; });
  return found != by_id_.end() && found->id == id ? found->server : kNoServer;
}

ServerIndex Topology::find_by_address(const SockAddress& address) const {
  return by_address_[slot_of(by_address_, address)].server;
}

Topology::Origin Topology::find_origin(const SockAddress& address) const {
  const AddressEntry& entry = by_address_[slot_of(by_address_, address)];
  Origin origin{.server = entry.server, .groups = entry.groups};
  for (const Source& source : sources_) {
    if (!source.network.contains(address)) continue;
    if (origin.server == kNoServer) origin.server = source.server;
    origin.groups |= uint64_t{1} << servers_[source.server].group;
  }
  return origin;
}

ServerIndex Topology::find_by_place(const SockAddress& address) const {
  const ServerIndex exact = find_by_address(address);
  return exact != kNoServer ? exact : by_ip_[slot_of(by_ip_, address.with_port(0))].server;
}

bool Topology::is_target(GroupIndex group, const SockAddress& address) const {
  const bool is_servers = (by_ip_[slot_of(by_ip_, address.with_port(0))].groups >> group & 1) != 0;
  return is_servers || any_contains(groups_[group].options.targets, address);
}

std::optional<GroupIndex> Topology::find_group_of_target(const SockAddress& address) const {
  for (size_t g = 0; g < groups_.size(); ++g) {
    if (is_target(static_cast<GroupIndex>(g), address)) return static_cast<GroupIndex>(g);
  }
  return std::nullopt;
}

ServerIndex Topology::first_choice(GroupIndex group, uint64_t key_hash) const {
  if (tiers_[group].empty()) return kNoServer;
  const Tier& tier = tiers_[group].front();
  SIPLB_ASSERT(tier.table.has_value());
  return tier.members[tier.table->owner(key_hash)].server;
}

size_t Topology::memory_bytes(std::span<const GroupOptions> groups, size_t place_count) {
  const size_t servers = count_servers(groups);
  size_t octets = groups.size() * (sizeof(Group) + sizeof(std::vector<Tier>)) +
                  std::max(place_count, servers) * sizeof(Server) +
                  servers * (sizeof(ServerIndex) + sizeof(IdEntry)) +
                  2 * address_table_size(servers) * sizeof(AddressEntry) +
                  count_sources(groups) * sizeof(Source);
  for (const GroupOptions& group : groups) {
    octets += heap_octets(group);
    for (const ServerOptions& server : group.servers) octets += heap_octets(server.name);
    for (const auto& [priority, size] : tier_sizes(group)) {
      octets += sizeof(Tier) + size * sizeof(Tier::Member);
      if (group.policy == Policy::Maglev) octets += maglev_table_size(size) * sizeof(uint16_t);
    }
  }
  return octets;
}

}  // namespace siplb::balance
