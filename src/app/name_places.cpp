#include "app/name_places.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "base/assert.h"

namespace siplb::app {
namespace {

using balance::GroupOptions;
using balance::ServerOptions;

bool is_empty(const NamedAddress& place) {
  return place.address.family() == SockAddress::Family::None;
}

// Best first, and otherwise in an order that has nothing to do with that of the answers.
bool is_before(const NamedAddress& a, const NamedAddress& b) {
  const auto key = [](const NamedAddress& each) {
    return std::tuple(each.rank, -int{each.share}, each.address.family(), each.address.ip_octets(),
                      each.address.port());
  };
  return key(a) < key(b);
}

// Sorted, with each address once.
std::vector<NamedAddress> distinct(std::span<const NamedAddress> addresses) {
  std::vector<NamedAddress> sorted(addresses.begin(), addresses.end());
  std::sort(sorted.begin(), sorted.end(), is_before);
  std::vector<NamedAddress> once;
  for (const NamedAddress& each : sorted) {
    const auto is_same = [&](const NamedAddress& other) { return other.address == each.address; };
    if (std::none_of(once.begin(), once.end(), is_same)) once.push_back(each);
  }
  return once;
}

// Above 0 where the whole is.
uint32_t share_of(uint32_t weight, uint16_t share) {
  return (weight * share + kFullShare - 1) / kFullShare;
}

ServerOptions server_at(const ServerOptions& named, const NamedAddress& place, size_t index) {
  ServerOptions server = named;
  server.name = place_name(named, index);
  server.address = place.address;
  server.weight = share_of(named.weight, place.share);
  server.priority = static_cast<uint8_t>(
      std::min<unsigned>(named.priority + place.rank, std::numeric_limits<uint8_t>::max()));
  // Who sends from there is of the group: once says it.
  if (index != 0) server.sources.clear();
  return server;
}

}  // namespace

std::string place_name(const ServerOptions& server, size_t place) {
  return server.host.empty() ? server.name : server.name + '/' + std::to_string(place + 1);
}

void NamePlaces::set_groups(std::span<const GroupOptions> groups) {
  std::vector<Name> names;
  for (const GroupOptions& group : groups) {
    for (const ServerOptions& server : group.servers) {
      if (server.host.empty()) continue;
      Name name{.server = group.name + '/' + server.name,
                .host = {.host = server.host, .transport = server.transport}};
      if (server.has_port) name.host.port = server.port;
      const auto old = std::find_if(names_.begin(), names_.end(), [&](const Name& other) {
        return other.server == name.server && other.host == name.host;
      });
      names.push_back(old == names_.end() ? std::move(name) : *old);
    }
  }
  names_ = std::move(names);
}

std::vector<HostName> NamePlaces::names() const {
  std::vector<HostName> hosts;
  for (const Name& name : names_) hosts.push_back(name.host);
  return hosts;
}

NamePlaces::Change NamePlaces::update(size_t name, std::span<const NamedAddress> addresses) {
  if (addresses.empty()) return Change::None;
  Name& updated = names_[name];
  const Places before = updated.places;
  std::vector<NamedAddress> left = distinct(addresses);
  for (NamedAddress& place : updated.places) {
    const auto found = std::find_if(left.begin(), left.end(), [&](const NamedAddress& each) {
      return each.address == place.address;
    });
    if (found == left.end()) {
      place = {};
    } else {
      place = *found;
      left.erase(found);
    }
  }
  auto next = left.begin();
  for (NamedAddress& place : updated.places) {
    if (is_empty(place) && next != left.end()) place = *next++;
  }
  updated.ignored = static_cast<size_t>(left.end() - next);
  return updated.places == before ? Change::None : Change::Moved;
}

size_t NamePlaces::ignored() const {
  size_t sum = 0;
  for (const Name& name : names_) sum += name.ignored;
  return sum;
}

std::vector<GroupOptions> NamePlaces::expand(std::span<const GroupOptions> groups) const {
  std::vector<GroupOptions> expanded(groups.begin(), groups.end());
  size_t name = 0;
  for (GroupOptions& group : expanded) {
    std::vector<ServerOptions> servers;
    for (const ServerOptions& server : group.servers) {
      if (server.host.empty()) {
        servers.push_back(server);
        continue;
      }
      SIPLB_ASSERT(name < names_.size());
      const Places& places = names_[name++].places;
      for (size_t i = 0; i < places.size(); ++i) {
        servers.push_back(server_at(server, places[i], i));
      }
    }
    group.servers = std::move(servers);
  }
  return expanded;
}

}  // namespace siplb::app
