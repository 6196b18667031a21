#include "balance/topology.h"

#include <algorithm>
#include <bit>

#include "base/assert.h"
#include "sip/seal.h"

namespace siplb::balance {
namespace {

size_t count_servers(std::span<const GroupOptions> groups) {
  size_t count = 0;
  for (const GroupOptions& group : groups) count += group.servers.size();
  return count;
}

// At most half full, so that a search ends after a few steps.
size_t address_table_size(size_t servers) {
  return std::bit_ceil(2 * servers + 1);
}

MaglevTable make_table(std::span<const Server> servers) {
  std::vector<MaglevMember> members;
  members.reserve(servers.size());
  for (const Server& server : servers)
    members.push_back({.id = server.id, .weight = server.weight});
  return MaglevTable(members);
}

// What a copy of `text` takes from the heap: nothing where it fits into the string itself.
size_t heap_octets(const std::string& text) {
  return text.size() > std::string().capacity() ? text.size() + 1 : 0;
}

size_t heap_octets(const GroupOptions& group) {
  size_t octets = heap_octets(group.name) + heap_octets(group.hash_key.header) +
                  group.servers.size() * sizeof(ServerOptions);
  for (const ServerOptions& server : group.servers) octets += heap_octets(server.name);
  return octets;
}

}  // namespace

Topology::Topology(std::span<const GroupOptions> groups) {
  const size_t server_count = count_servers(groups);
  SIPLB_ASSERT(groups.size() <= kGroupsMax);
  SIPLB_ASSERT(server_count <= kServersMax);
  groups_.reserve(groups.size());
  servers_.reserve(server_count);
  tables_.reserve(groups.size());
  by_id_.reserve(server_count);
  by_address_.resize(address_table_size(server_count));
  by_ip_.resize(address_table_size(server_count));

  for (const GroupOptions& group : groups) add_group(group);
  std::sort(by_id_.begin(), by_id_.end(),
            [](const IdEntry& a, const IdEntry& b) { return a.id < b.id; });
}

void Topology::add_group(const GroupOptions& options) {
  const auto index = static_cast<GroupIndex>(groups_.size());
  const auto first_server = static_cast<ServerIndex>(servers_.size());
  for (const ServerOptions& server : options.servers) {
    const auto position = static_cast<ServerIndex>(servers_.size());
    servers_.push_back({.name = server.name,
                        .id = sip::server_id(options.name, server.name),
                        .address = server.address,
                        .weight = server.weight,
                        .group = index});
    by_id_.push_back({.id = servers_.back().id, .server = position});
    add_address(by_address_, server.address, position);
    add_address(by_ip_, server.address.with_port(0), position);
  }
  groups_.push_back({.options = options,
                     .first_server = first_server,
                     .server_count = static_cast<uint16_t>(options.servers.size())});
  tables_.emplace_back();
  if (options.policy == Policy::Maglev) tables_.back().emplace(make_table(servers_of(index)));
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

std::span<const Server> Topology::servers_of(GroupIndex group) const {
  return servers().subspan(groups_[group].first_server, groups_[group].server_count);
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

uint64_t Topology::groups_of(const SockAddress& address) const {
  return by_address_[slot_of(by_address_, address)].groups;
}

ServerIndex Topology::find_by_place(const SockAddress& address) const {
  const ServerIndex exact = find_by_address(address);
  return exact != kNoServer ? exact : by_ip_[slot_of(by_ip_, address.with_port(0))].server;
}

bool Topology::is_target(GroupIndex group, const SockAddress& address) const {
  return (by_ip_[slot_of(by_ip_, address.with_port(0))].groups >> group & 1) != 0;
}

ServerIndex Topology::first_choice(GroupIndex group, uint64_t key_hash) const {
  const std::optional<MaglevTable>& table = tables_[group];
  SIPLB_ASSERT(table.has_value());
  return static_cast<ServerIndex>(groups_[group].first_server + table->owner(key_hash));
}

size_t Topology::memory_bytes(std::span<const GroupOptions> groups) {
  const size_t servers = count_servers(groups);
  size_t octets = groups.size() * (sizeof(Group) + sizeof(std::optional<MaglevTable>)) +
                  servers * (sizeof(Server) + sizeof(IdEntry)) +
                  2 * address_table_size(servers) * sizeof(AddressEntry);
  for (const GroupOptions& group : groups) {
    octets += heap_octets(group);
    for (const ServerOptions& server : group.servers) octets += heap_octets(server.name);
    if (group.policy == Policy::Maglev) {
      octets += maglev_table_size(group.servers.size()) * sizeof(uint16_t);
    }
  }
  return octets;
}

}  // namespace siplb::balance
