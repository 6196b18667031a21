#include "config/checks.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

#include "config/check_parts.h"
#include "config/scalar.h"

namespace siplb::config {
namespace {

using balance::GroupOptions;
using transport::ListenerOptions;
using transport::ListenerRole;

constexpr Duration kTimerCLeast = std::chrono::minutes(3);  // RFC 3261, 16.6, step 11: above it

// What options hold in nanoseconds came from the file in milliseconds.
std::string duration_text(Duration duration) {
  return config::duration_text(std::chrono::duration_cast<std::chrono::milliseconds>(duration));
}

bool is_global(const SockAddress& address) {
  return !address.is_loopback() && !address.is_private() && !address.is_link_local();
}

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

void check_server_places(const YamlNode& section, const Configuration& configuration,
                         FaultList& faults) {
  const size_t servers = balance::place_count(configuration.groups);
  const size_t places = configuration.limits.servers;
  if (places == 0 || servers <= places) return;
  faults.add(at(section, "servers").place, "fewer than the " + std::to_string(servers) +
                                               " servers of all groups; a host name counts for " +
                                               std::to_string(balance::kPlacesPerName));
}

// The default gives way; what is asked for is kept or refused.
void check_connections(const YamlNode& section, const LimitOptions& limits, FaultList& faults) {
  const YamlNode* per_source = section.find("connections_per_source");
  const size_t connections = limits.connections != 0 ? limits.connections : kConnectionsStandard;
  if (per_source == nullptr || faults.has(per_source->place)) return;
  if (faults.has(at(section, "connections").place)) return;
  if (limits.connections_per_source <= connections) return;
  faults.add(per_source->place, "'connections_per_source' is " +
                                    std::to_string(limits.connections_per_source) +
                                    ", more than 'connections', " + std::to_string(connections));
}

// Two sockets cannot have one path.
void check_admin(const YamlNode& section, const AdminOptions& admin, FaultList& faults) {
  if (!admin.socket || admin.socket != admin.read_socket) return;
  const Place place = at(section, "read_socket").place;
  if (!faults.has(place)) faults.add(place, "'read_socket' is the path of 'socket'");
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

// A single listener that is not told its role has both.
bool has_default_role(const YamlNode& root, const Configuration& configuration) {
  return configuration.listeners.size() == 1 &&
         at(root, "listeners").items.front().find("role") == nullptr;
}

void warn_of_panic(const YamlNode& root, const Configuration& configuration, FaultList& warnings) {
  for (size_t i = 0; i < configuration.groups.size(); ++i) {
    if (configuration.groups[i].panic_below < 100) continue;
    warnings.add(at(at(root, "groups").items[i], "panic_below").place,
                 "'panic_below' is 100: health is always ignored");
  }
}

// Whether it looks like a pattern of files, and is none.
bool is_doubtful(const std::optional<proxy::PatternText>& pattern) {
  if (!pattern || pattern->starts_with('~')) return false;
  const size_t star = pattern->find('*');
  return star != std::string::npos && star + 1 != pattern->size();
}

void warn_of_codes(const YamlNode& root, const Configuration& configuration, FaultList& warnings) {
  constexpr std::array kOfTheRequest = {401, 407, 487};
  for (size_t i = 0; i < configuration.groups.size(); ++i) {
    const YamlNode& failover = at(at(root, "groups").items[i], "failover");
    for (const YamlNode& code : at(failover, "codes").items) {
      const auto is_it = [&](int value) { return code.text == std::to_string(value); };
      if (std::none_of(kOfTheRequest.begin(), kOfTheRequest.end(), is_it)) continue;
      warnings.add(code.place, "code " + code.text +
                                   " is about the request: another server would answer the same");
    }
  }
}

void warn_of_patterns(const YamlNode& root, const Configuration& configuration,
                      FaultList& warnings) {
  for (size_t i = 0; i < configuration.routes.size(); ++i) {
    const proxy::RouteOptions& route = configuration.routes[i];
    for (const auto& [key, pattern] :
         {std::pair{"request_user", &route.request_user}, {"request_host", &route.request_host}}) {
      if (!is_doubtful(*pattern)) continue;
      const YamlNode& match = at(at(root, "routes").items[i], "match");
      warnings.add(at(match, key).place, shown(**pattern) +
                                             " is taken as it stands, but for a '*' at its end: "
                                             "should it be an expression, '~...'?");
    }
  }
}

// On a listener that admits servers a source address is enough to be one.
void warn_of_forwarding(const YamlNode& root, const Configuration& configuration,
                        FaultList& warnings) {
  const auto& listeners = configuration.listeners;
  for (size_t i = 0; i < configuration.routes.size(); ++i) {
    const proxy::RouteOptions& route = configuration.routes[i];
    if (route.action != proxy::RouteAction::ForwardByUri) continue;
    for (size_t l = 0; l < listeners.size(); ++l) {
      const bool is_open =
          listeners[l].role != ListenerRole::Clients && is_global(listeners[l].address);
      if (!is_open || (route.listeners >> l & 1) == 0) continue;
      warnings.add(at(at(root, "routes").items[i], "forward").place,
                   "listener " + shown(listeners[l].name) +
                       " is public and admits servers: whoever can forge a server's address makes "
                       "siplb call any address by this route");
      break;
    }
  }
}

}  // namespace

void complete(const YamlNode& root, Configuration& configuration) {
  if (has_default_role(root, configuration)) {
    configuration.listeners.front().role = ListenerRole::Both;
  }
  if (configuration.groups.size() == 1 && root.find("routes") == nullptr) {
    configuration.routes.emplace_back().name = "default";
  }
  complete_groups(at(root, "groups"), configuration);
}

void check(const YamlNode& root, const Configuration& configuration, FaultList& faults) {
  const GlobalOptions& global = configuration.global;
  if (global.lanes != 0 && global.lanes < global.workers) {
    faults.add(at(at(root, "global"), "lanes").place,
               "'lanes' is less than 'workers': some workers would have none");
  }
  check_listeners(at(root, "listeners"), configuration, faults);
  check_timers(at(root, "timers"), configuration.timers, faults);
  check_connections(at(root, "limits"), configuration.limits, faults);
  check_server_places(at(root, "limits"), configuration, faults);
  check_groups(at(root, "groups"), configuration, faults);
  check_silence(root, configuration, faults);
  check_routes(root, configuration, faults);
  check_admin(at(root, "admin"), configuration.admin, faults);
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
  warn_of_codes(root, configuration, warnings);
  warn_of_panic(root, configuration, warnings);
  warn_of_patterns(root, configuration, warnings);
  warn_of_forwarding(root, configuration, warnings);
  if (const Duration ringing = configuration.timers.ringing; ringing <= kTimerCLeast) {
    warnings.add(at(at(root, "timers"), "ringing").place,
                 "'ringing' is " + duration_text(ringing) + ": RFC 3261 wants Timer C above " +
                     duration_text(kTimerCLeast) + ", since people let it ring for that long");
  }
}

}  // namespace siplb::config
