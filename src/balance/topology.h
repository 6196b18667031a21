// All groups and servers, as the lanes see them: one immutable snapshot.
//
// Servers and groups are known by their indexes, which never change their meaning while the process
// lives, whatever is reloaded: so some places are hollow. A hollow server has no name, no address
// and no weight; a hollow group has no name and no servers.
// Thread: any, immutable once built (shared_ptr<const Topology>).
// Bounds: kGroupsMax groups, kServersMax servers; one Maglev table per tier, of groups with
// that policy.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "balance/maglev.h"
#include "balance/options.h"
#include "base/address.h"

namespace siplb::balance {

using ServerIndex = uint16_t;  // place among all servers of all groups
using GroupIndex = uint8_t;
inline constexpr ServerIndex kNoServer = 0xffff;

struct Server {
  std::string name;  // empty: the place is hollow
  // sip::server_id(group, name); of a place of a host name: of "name@address:port". 0: empty.
  uint32_t id = 0;
  SockAddress address;  // none: a place that is empty, since its name leads to fewer addresses
  sip::Transport transport = sip::Transport::Udp;
  bool takes_tcp = false;  // see ServerOptions
  uint32_t weight = 0;     // 0 where the place is empty
  uint8_t priority = 0;
  GroupIndex group = 0;
  uint32_t max_calls = 0;     // 0: no limit
  uint32_t max_inflight = 0;  // 0: no limit

  [[nodiscard]] bool is_empty() const { return address.family() == SockAddress::Family::None; }
};

struct Group {
  GroupOptions options;
  std::vector<ServerIndex> servers;  // where options.servers stand, in their order
};

// Where servers stand.
struct ServerPlaces {
  std::vector<ServerIndex> of;  // by position, in the order in which the groups list them
  size_t count = 0;             // places in all
};
// All in the order in which the groups list them, without a hollow place.
[[nodiscard]] ServerPlaces places_in_order(std::span<const GroupOptions> groups);

// The servers of one priority, at least one of them with a weight above 0.
struct Tier {
  struct Member {
    ServerIndex server;
    uint32_t weight;
  };
  std::vector<Member> members;       // by id, so that their order in the file does not matter
  std::optional<MaglevTable> table;  // of the members; none for other policies
};

class Topology {
 public:
  // Requires: options as the configuration has validated them; a place of its own for each server.
  Topology(std::span<const GroupOptions> groups, const ServerPlaces& places);
  explicit Topology(std::span<const GroupOptions> groups)
      : Topology(groups, places_in_order(groups)) {}

  [[nodiscard]] std::span<const Group> groups() const { return groups_; }
  [[nodiscard]] std::span<const Server> servers() const { return servers_; }
  // Lower priority first. None where no server of the group has a weight above 0.
  [[nodiscard]] std::span<const Tier> tiers_of(GroupIndex group) const { return tiers_[group]; }

  // The server with this id; kNoServer where none has it.
  [[nodiscard]] ServerIndex find_by_id(uint32_t id) const;
  // The first server in the configuration with exactly this address and port.
  [[nodiscard]] ServerIndex find_by_address(const SockAddress& address) const;
  // The same, else the first server at this address on any port.
  [[nodiscard]] ServerIndex find_by_place(const SockAddress& address) const;
  // Who sends from this address: a server that has exactly it, or that has it among its sources.
  struct Origin {
    ServerIndex server = kNoServer;  // the first in the configuration; one with the address before
                                     // one with a source
    uint64_t groups = 0;             // bit g: such a server is in group g
  };
  [[nodiscard]] Origin find_origin(const SockAddress& address) const;
  // True where dialogs of `group` may live at this address, on any port: one of its servers has it,
  // or it is among the group's targets.
  [[nodiscard]] bool is_target(GroupIndex group, const SockAddress& address) const;
  // The first group with such a target; nothing where there is none.
  [[nodiscard]] std::optional<GroupIndex> find_group_of_target(const SockAddress& address) const;

  // The hash policy's first choice: of the first tier that has a server of weight above 0;
  // kNoServer where none has.
  // Requires: the group's policy is Maglev.
  [[nodiscard]] ServerIndex first_choice(GroupIndex group, uint64_t key_hash) const;

  // Octets of all tables that the constructor will build, for the memory budget: whatever weights
  // are set later and however many places are filled. `place_count` is that of all servers'
  // places; without it there is no hollow one.
  [[nodiscard]] static size_t memory_bytes(std::span<const GroupOptions> groups,
                                           size_t place_count = 0);

 private:
  struct AddressEntry {
    SockAddress address;
    ServerIndex server = kNoServer;  // none: the entry is free
    uint64_t groups = 0;
  };
  struct IdEntry {
    uint32_t id;
    ServerIndex server;
  };
  struct Source {
    Network network;
    ServerIndex server;
  };

  void add_group(const GroupOptions& options, std::span<const ServerIndex> places);
  void add_server(const GroupOptions& group, const ServerOptions& options, ServerIndex place);
  void add_address(std::vector<AddressEntry>& table, const SockAddress& address,
                   ServerIndex server);
  [[nodiscard]] Tier make_tier(const Group& group, uint8_t priority, size_t size) const;
  // Where `address` is, else the free entry where it would be.
  [[nodiscard]] static size_t slot_of(std::span<const AddressEntry> table,
                                      const SockAddress& address);

  std::vector<Group> groups_;
  std::vector<Server> servers_;
  std::vector<std::vector<Tier>> tiers_;  // by group; lower priority first
  std::vector<IdEntry> by_id_;            // sorted
  // Open addressing, a power of two in size.
  std::vector<AddressEntry> by_address_;
  std::vector<AddressEntry> by_ip_;  // port 0
  std::vector<Source> sources_;      // in the order of the configuration
};

}  // namespace siplb::balance
