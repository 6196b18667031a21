#include "config/checks.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <utility>

#include "config/scalar.h"
#include "proxy/sides.h"
#include "sip/seal.h"
#include "sip/uri.h"

namespace siplb::config {
namespace {

using balance::GroupOptions;
using balance::ServerOptions;
using proxy::RouteOptions;
using transport::ListenerOptions;
using transport::ListenerRole;

constexpr Duration kTimerCLeast = std::chrono::minutes(3);  // RFC 3261, 16.6, step 11: above it

// What options hold in nanoseconds came from the file in milliseconds.
std::string duration_text(Duration duration) {
  return config::duration_text(std::chrono::duration_cast<std::chrono::milliseconds>(duration));
}

// The value of `key`, else the element that should have it: where a fault is shown.
const YamlNode& at(const YamlNode& element, std::string_view key) {
  const YamlNode* value = element.find(key);
  return value == nullptr ? element : *value;
}

// fe80::/10: names a host only together with the link it is on.
bool is_v6_link_local(const SockAddress& address) {
  const std::string_view octets = address.ip_octets();
  return address.is_v6() && octets[0] == '\xfe' && (octets[1] & 0xc0) == 0x80;
}

void check_link(const SockAddress& address, Place place, FaultList& faults) {
  if (is_v6_link_local(address)) {
    faults.add(place, "IPv6 link-local addresses are not supported: no scope id can be given");
  }
}

bool is_global(const SockAddress& address) {
  const auto octet = [&](size_t i) { return static_cast<uint8_t>(address.ip_octets()[i]); };
  if (address.is_loopback()) return false;
  if (address.is_v6()) {
    const bool is_unique_local = (octet(0) & 0xfe) == 0xfc;
    return !is_unique_local && !is_v6_link_local(address);
  }
  return octet(0) != 10 && !(octet(0) == 172 && (octet(1) & 0xf0) == 16) &&
         !(octet(0) == 192 && octet(1) == 168) && !(octet(0) == 169 && octet(1) == 254) &&
         !(octet(0) == 100 && (octet(1) & 0xc0) == 64);
}

// Whoever has a value first owns it.
class Owners {
 public:
  // Who has `value` already; null where it is `owner`'s from now on.
  const std::string* claim(std::string value, const std::string& owner) {
    const auto [entry, is_new] = owners_.try_emplace(std::move(value), owner);
    return is_new ? nullptr : &entry->second;
  }

 private:
  std::map<std::string, std::string> owners_;
};

// The names within one list, each of which is hashed into messages.
class Names {
 public:
  // `hashes` outlives this; it is shared by lists whose hashes must differ. `prefix` tells their
  // names apart in it.
  Names(FaultList& faults, Owners& hashes, std::string prefix)
      : faults_(faults), hashes_(hashes), prefix_(std::move(prefix)) {}

  // Empty names have a fault already.
  void claim(const std::string& name, uint32_t hash, Place place) {
    if (name.empty()) return;
    if (names_.claim(name, name) != nullptr) {
      faults_.add(place, "name " + shown(name) + " is taken");
      return;
    }
    const std::string whole = prefix_ + name;
    const std::string* other = hashes_.claim(std::to_string(hash), whole);
    if (other != nullptr && *other != whole) {
      faults_.add(place, shown(whole) + " has the same hash as " + shown(*other) +
                             ": call one of them something else");
    }
  }

 private:
  FaultList& faults_;
  Owners& hashes_;
  std::string prefix_;
  Owners names_;
};

void check_listeners(const YamlNode& list, const Configuration& configuration, FaultList& faults) {
  Owners hashes;
  Names names(faults, hashes, "");
  Owners addresses;
  for (size_t i = 0; i < configuration.listeners.size(); ++i) {
    const ListenerOptions& listener = configuration.listeners[i];
    const YamlNode& item = list.items[i];
    names.claim(listener.name, sip::listener_hash(listener.name), at(item, "name").place);
    check_link(listener.address, at(item, "address").place, faults);

    if (listener.address.port() == 0) continue;  // unread, or any free port
    const std::string text(listener.address.text());
    if (const std::string* other = addresses.claim(text, listener.name)) {
      faults.add(at(item, "address").place, "listener " + shown(*other) + " has this address");
    }
  }
}

// Whether one of the names that a listener advertises is this address.
bool advertises(const ListenerOptions& listener, const SockAddress& address) {
  return std::any_of(listener.advertise.begin(), listener.advertise.end(), [&](const auto& name) {
    const std::string text = "sip:" + name.as;
    sip::Uri uri;
    return sip::parse_uri(text, uri) && uri.literal() == address;
  });
}

// A server that is one of our listeners would be a loop.
void check_not_ours(const SockAddress& server, Place place,
                    const std::vector<ListenerOptions>& listeners, FaultList& faults) {
  for (const ListenerOptions& listener : listeners) {
    if (listener.address == server) {
      faults.add(place, "this is the address of listener " + shown(listener.name));
    } else if (advertises(listener, server)) {
      faults.add(place, "this is the advertised address of listener " + shown(listener.name));
    }
  }
}

void check_servers(const YamlNode& list, const GroupOptions& group,
                   const Configuration& configuration, Owners& ids, FaultList& faults) {
  Names names(faults, ids, group.name + "/");
  Owners addresses;
  for (size_t i = 0; i < group.servers.size(); ++i) {
    const ServerOptions& server = group.servers[i];
    const YamlNode& item = list.items[i];
    names.claim(server.name, sip::server_id(group.name, server.name), at(item, "name").place);

    if (server.address.family() == SockAddress::Family::None) continue;
    const Place place = at(item, "uri").place;
    const std::string text(server.address.text());
    if (const std::string* other = addresses.claim(text, server.name)) {
      faults.add(place, "server " + shown(*other) + " has this address");
    }
    check_link(server.address, place, faults);
    check_not_ours(server.address, place, configuration.listeners, faults);
  }
}

// Whether requests can be spread over, and reach, the servers of a group.
void check_reach(const YamlNode& item, const GroupOptions& group,
                 const Configuration& configuration, FaultList& faults) {
  const Place place = at(item, "servers").place;
  const auto is_idle = [](const ServerOptions& server) { return server.weight == 0; };
  if (std::all_of(group.servers.begin(), group.servers.end(), is_idle) && !group.servers.empty()) {
    faults.add(place, "one of the servers needs a weight above 0");
  }

  // A listener that has a fault may be the one that is missed.
  const auto is_unread = [](const ListenerOptions& listener) {
    return listener.address.family() == SockAddress::Family::None;
  };
  const auto& listeners = configuration.listeners;
  if (listeners.empty() || std::any_of(listeners.begin(), listeners.end(), is_unread)) return;
  for (const auto& [family, label] :
       {std::pair{SockAddress::Family::V4, "IPv4"}, std::pair{SockAddress::Family::V6, "IPv6"}}) {
    const auto is_out_of_reach = [&, family = family](const ServerOptions& server) {
      return server.address.family() == family &&
             !proxy::select_server_side(listeners, server.address, SockAddress{});
    };
    if (std::any_of(group.servers.begin(), group.servers.end(), is_out_of_reach)) {
      faults.add(place, std::string("no listener can reach these servers: none is ") + label);
    }
  }
}

void check_groups(const YamlNode& list, const Configuration& configuration, FaultList& faults) {
  Owners names;
  Owners ids;  // of the servers of all groups
  size_t server_count = 0;
  for (size_t i = 0; i < configuration.groups.size(); ++i) {
    const GroupOptions& group = configuration.groups[i];
    const YamlNode& item = list.items[i];
    if (!group.name.empty() && names.claim(group.name, group.name) != nullptr) {
      faults.add(at(item, "name").place, "name " + shown(group.name) + " is taken");
    }
    check_servers(at(item, "servers"), group, configuration, ids, faults);
    check_reach(item, group, configuration, faults);

    server_count += group.servers.size();
    if (server_count > balance::kServersMax) {
      faults.add(at(item, "servers").place, "more than " + std::to_string(balance::kServersMax) +
                                                " servers in all groups together");
      return;
    }
  }
}

// ---- timers -----------------------------------------------------------------------------------

void check_timers(const YamlNode& section, const transaction::TimerOptions& timers,
                  FaultList& faults) {
  const auto is_faulty = [&](std::string_view key) { return faults.has(at(section, key).place); };
  if (is_faulty("t1")) return;

  struct Least {
    std::string_view key;
    Duration value;
    std::string_view name;
    Duration least;
  };
  for (const auto& [key, value, name, least] :
       {Least{"t2", timers.t2, "t1", timers.t1},
        Least{"invite", timers.invite, "twice t1", 2 * timers.t1},
        Least{"non_invite", timers.non_invite, "twice t1", 2 * timers.t1}}) {
    if (value >= least || is_faulty(key)) continue;
    faults.add(at(section, key).place, shown(key) + " is " + duration_text(value) + ", less than " +
                                           std::string(name) + ", " + duration_text(least));
  }

  // The default gives way; what is asked for is kept or refused.
  if (section.find("t4") == nullptr || is_faulty("t4")) return;
  if (is_faulty("invite") || is_faulty("non_invite")) return;
  if (timers.t4 > std::max(timers.invite, timers.non_invite)) {
    faults.add(at(section, "t4").place,
               "'t4' is " + duration_text(timers.t4) +
                   ", longer than 'invite' and 'non_invite': what has ended is forgotten earlier");
  }
}

// Whether a request that meets silence has time left for another server.
void check_silence(const YamlNode& root, const Configuration& configuration, FaultList& faults) {
  if (faults.has(at(at(root, "timers"), "invite").place)) return;
  const Duration invite = configuration.timers.invite;
  for (size_t i = 0; i < configuration.groups.size(); ++i) {
    const GroupOptions& group = configuration.groups[i];
    const auto timeout = group.failover.first_response_timeout;
    if (group.failover.max_attempts == 1 || group.servers.size() < 2 || timeout < invite) continue;

    const YamlNode& item = at(root, "groups").items[i];
    const Place place = at(at(item, "failover"), "first_response_timeout").place;
    if (faults.has(place)) continue;
    faults.add(place, "'first_response_timeout' is " + duration_text(timeout) +
                          ", no less than timers.invite, " + duration_text(invite) +
                          ": no INVITE would fail over by silence");
  }
}

// ---- routes -----------------------------------------------------------------------------------

void check_action(const YamlNode& item, FaultList& faults) {
  std::vector<Place> actions;
  for (const YamlEntry& entry : item.entries) {
    if (entry.key == "group" || entry.key == "drop" || entry.key == "reject" ||
        entry.key == "forward") {
      actions.push_back(entry.place);
    }
  }
  if (actions.empty()) faults.add(item.place, "a route needs one of 'group', 'drop', 'reject'");
  if (actions.size() > 1)
    faults.add(actions[1], "a route has only one of 'group', 'drop', 'reject'");
}

// True where every request that `later` matches is taken by `earlier` before it.
bool covers(const RouteOptions& earlier, const RouteOptions& later) {
  return earlier.from_group == later.from_group && (later.methods & ~earlier.methods) == 0 &&
         (later.listeners & ~earlier.listeners) == 0 &&
         (later.transports & ~earlier.transports) == 0;
}

bool meets_servers(const RouteOptions& route, const std::vector<ListenerOptions>& listeners) {
  for (size_t i = 0; i < listeners.size(); ++i) {
    if (listeners[i].role != ListenerRole::Clients && (route.listeners >> i & 1) != 0) return true;
  }
  return false;
}

void check_routes(const YamlNode& root, const Configuration& configuration, FaultList& faults) {
  const YamlNode* list = root.find("routes");
  if (list == nullptr) {
    if (configuration.groups.size() > 1) {
      faults.add(at(root, "groups").place, "with several groups 'routes' is required");
    }
    return;
  }
  Owners names;
  for (size_t i = 0; i < configuration.routes.size(); ++i) {
    const RouteOptions& route = configuration.routes[i];
    const YamlNode& item = list->items[i];
    if (item.kind != YamlNode::Kind::Map) continue;
    check_action(item, faults);
    if (!route.name.empty() && names.claim(route.name, route.name) != nullptr) {
      faults.add(at(item, "name").place, "name " + shown(route.name) + " is taken");
    }
    if (route.from_group && !meets_servers(route, configuration.listeners)) {
      faults.add(at(at(item, "match"), "from_group").place,
                 "this can never match: no such listener has role 'servers' or 'both'");
    }
    const auto end = configuration.routes.begin() + static_cast<ptrdiff_t>(i);
    const auto before = std::find_if(configuration.routes.begin(), end, [&](const auto& earlier) {
      return !earlier.name.empty() && covers(earlier, route);
    });
    if (before != end) {
      faults.add(item.place, "this can never match: route " + shown(before->name) +
                                 " before it takes all of its requests");
    }
  }
}

// A single listener that is not told its role has both.
bool has_default_role(const YamlNode& root, const Configuration& configuration) {
  return configuration.listeners.size() == 1 &&
         at(root, "listeners").items.front().find("role") == nullptr;
}

}  // namespace

void complete(const YamlNode& root, Configuration& configuration) {
  if (has_default_role(root, configuration)) {
    configuration.listeners.front().role = ListenerRole::Both;
  }
  if (configuration.groups.size() == 1 && root.find("routes") == nullptr) {
    configuration.routes.emplace_back().name = "default";
  }
}

void check(const YamlNode& root, const Configuration& configuration, FaultList& faults) {
  const GlobalOptions& global = configuration.global;
  if (global.lanes != 0 && global.lanes < global.workers) {
    faults.add(at(at(root, "global"), "lanes").place,
               "'lanes' is less than 'workers': some workers would have none");
  }
  check_listeners(at(root, "listeners"), configuration, faults);
  check_timers(at(root, "timers"), configuration.timers, faults);
  check_groups(at(root, "groups"), configuration, faults);
  check_silence(root, configuration, faults);
  check_routes(root, configuration, faults);
}

void warn(const YamlNode& root, const Configuration& configuration, FaultList& warnings) {
  if (has_default_role(root, configuration)) {
    const ListenerOptions& listener = configuration.listeners.front();
    if (listener.address.family() != SockAddress::Family::None && is_global(listener.address)) {
      warnings.add(at(root, "listeners").items.front().place,
                   "listener " + shown(listener.name) +
                       " is public and has role 'both', since it is the only one: whoever can "
                       "forge a server's address is taken for that server");
    }
  }
  if (const Duration ringing = configuration.timers.ringing; ringing <= kTimerCLeast) {
    warnings.add(at(at(root, "timers"), "ringing").place,
                 "'ringing' is " + duration_text(ringing) + ": RFC 3261 wants Timer C above " +
                     duration_text(kTimerCLeast) + ", since people let it ring for that long");
  }
}

}  // namespace siplb::config
