// Groups: servers that are used twice, that cannot be reached, that are ourselves.
#include <algorithm>

#include "config/check_parts.h"
#include "config/scalar.h"
#include "sip/seal.h"
#include "sip/uri.h"

namespace siplb::config {
namespace {

using balance::GroupOptions;
using balance::ServerOptions;
using transport::ListenerOptions;
using transport::ListenerRole;

// A server whose URI had a fault leads nowhere.
bool is_unread(const ServerOptions& server) {
  return server.host.empty() && server.address.family() == SockAddress::Family::None;
}

// A name without a port has the port of its transport, as far as the file tells.
uint16_t port_of(const ServerOptions& server) {
  return server.has_port ? server.port : sip::default_port(server.transport);
}

// Whether one of the names that a listener advertises is this server's.
bool advertises(const ListenerOptions& listener, const ServerOptions& server) {
  return std::any_of(listener.advertise.begin(), listener.advertise.end(), [&](const auto& name) {
    const std::string text = "sip:" + name.as;
    sip::Uri uri;
    if (!sip::parse_uri(text, uri)) return false;
    if (server.host.empty()) return uri.literal() == server.address;
    return sip::equal_caseless(uri.host, server.host) && uri.effective_port() == port_of(server);
  });
}

// Whether the server is at the listener's address as far as the file tells: on a wildcard all of
// loopback is.
bool is_at(const ListenerOptions& listener, const SockAddress& server) {
  if (!listener.address.is_wildcard()) return listener.address == server;
  return server.is_loopback() && server.family() == listener.address.family() &&
         server.port() == listener.address.port();
}

// Whether it is one of global.names, which are ours without a port or with a listener's.
bool has_own_name(const ServerOptions& server, const Configuration& configuration) {
  const auto is_it = [&](const std::string& own) { return sip::equal_caseless(own, server.host); };
  const auto has_port = [&](const ListenerOptions& listener) {
    return listener.address.port() == server.port;
  };
  const std::vector<std::string>& names = configuration.global.names;
  const std::vector<ListenerOptions>& listeners = configuration.listeners;
  return !server.host.empty() && std::any_of(names.begin(), names.end(), is_it) &&
         (!server.has_port || std::any_of(listeners.begin(), listeners.end(), has_port));
}

// A server that is one of our listeners would be a loop.
void check_not_ours(const ServerOptions& server, Place place, const Configuration& configuration,
                    FaultList& faults) {
  if (has_own_name(server, configuration)) {
    faults.add(place, shown(server.host) + " stands in global.names: this is siplb itself");
    return;
  }
  for (const ListenerOptions& listener : configuration.listeners) {
    if (server.host.empty() && is_at(listener, server.address)) {
      faults.add(place, "this is the address of listener " + shown(listener.name));
    } else if (advertises(listener, server)) {
      faults.add(place, "this is the advertised address of listener " + shown(listener.name));
    }
  }
}

bool admits_servers(const ListenerOptions& listener) {
  return listener.role != ListenerRole::Clients;
}

void check_sources(const YamlNode& list, const GroupOptions& group,
                   const std::vector<ListenerOptions>& listeners, FaultList& faults) {
  const bool any_admits = std::any_of(listeners.begin(), listeners.end(), admits_servers);
  Networks networks(faults);
  for (size_t i = 0; i < group.servers.size(); ++i) {
    const ServerOptions& server = group.servers[i];
    const YamlNode& value = at(list.items[i], "sources");
    networks.claim(server.sources, value);
    if (server.sources.empty() || any_admits) continue;
    faults.add(value.place, "this can never apply: no listener has role 'servers' or 'both'");
  }
}

// The URI may say nothing of the transport, or what `transports` says.
void check_uri(const YamlNode& item, const ServerOptions& server, FaultList& faults) {
  const std::string_view ours = sip::transport_label(server.transport);
  sip::Uri uri;
  if (!sip::parse_uri(at(item, "uri").text, uri)) return;
  const std::string_view other = uri.param("transport");
  if (other.empty() || sip::equal_caseless(other, ours)) return;
  faults.add(at(item, "transports").place,
             "this server is reached over " + shown(ours) + ", but its URI says " + shown(other));
}

std::string address_of(const ServerOptions& server) {
  if (server.host.empty()) return std::string(server.address.text());
  return server.has_port ? server.host + ":" + std::to_string(server.port) : server.host;
}

// What the server says of its health, else what its group says; null where neither does.
const YamlNode* health_value(const YamlNode& group, const YamlNode& server, std::string_view key) {
  for (const YamlNode* item : {&server, &group}) {
    const YamlNode* health = item->find("health");
    const YamlNode* value = health == nullptr ? nullptr : health->find(key);
    if (value != nullptr) return value;
  }
  return nullptr;
}

// Whether the server can be probed as it should be.
void check_probes(const YamlNode& group_item, const YamlNode& item, const ServerOptions& server,
                  FaultList& faults) {
  const balance::HealthOptions& health = server.health;
  const auto is_faulty = [&](const YamlNode* value) {
    return value != nullptr && faults.has(value->place);
  };
  const YamlNode* interval = health_value(group_item, item, "interval");
  const YamlNode* fast = health_value(group_item, item, "fast_interval");
  if (health.fast_interval > health.interval && !is_faulty(interval) && !is_faulty(fast)) {
    faults.add(fast->place, "'fast_interval' is " + duration_text(health.fast_interval) +
                                ", longer than the interval of server " + shown(server.name) +
                                ", " + duration_text(health.interval));
  }
  const YamlNode* source = health_value(group_item, item, "source");
  if (health.source == balance::ProbeSource::Listener && server.transport != sip::Transport::Udp &&
      !is_faulty(source)) {
    faults.add(source->place, "listeners send probes over 'udp' only, but server " +
                                  shown(server.name) + " is reached over " +
                                  shown(sip::transport_label(server.transport)));
  }
}

void check_servers(const YamlNode& group_item, const GroupOptions& group,
                   const Configuration& configuration, Owners& ids, FaultList& faults) {
  const YamlNode& list = at(group_item, "servers");
  Names names(faults, ids, group.name + "/");
  Owners addresses;
  for (size_t i = 0; i < group.servers.size(); ++i) {
    const ServerOptions& server = group.servers[i];
    const YamlNode& item = list.items[i];
    names.claim(server.name, sip::server_id(group.name, server.name), at(item, "name").place);

    if (is_unread(server)) continue;
    const Place place = at(item, "uri").place;
    if (const std::string* other = addresses.claim(address_of(server), server.name)) {
      faults.add(place, "server " + shown(*other) + " has this address");
    }
    check_uri(item, server, faults);
    check_link(server.address, place, faults);
    check_not_ours(server, place, configuration, faults);
    check_probes(group_item, item, server, faults);
  }
}

// Whether requests can be spread over the servers of a group.
void check_weights(const YamlNode& item, const GroupOptions& group, FaultList& faults) {
  const auto is_idle = [](const ServerOptions& server) { return server.weight == 0; };
  if (std::all_of(group.servers.begin(), group.servers.end(), is_idle) && !group.servers.empty()) {
    faults.add(at(item, "servers").place, "one of the servers needs a weight above 0");
  }
}

// A name can lead to either family: that is known when it does.
bool is_of_family(const ListenerOptions& listener, const ServerOptions& server) {
  return !server.host.empty() || listener.address.family() == server.address.family();
}

bool has_transports(const ListenerOptions& listener, const ServerOptions& server) {
  return listener.has(server.transport) && (!server.takes_tcp || listener.has(sip::Transport::Tcp));
}

std::string family_of(const ServerOptions& server) {
  return server.address.is_v6() ? "IPv6" : "IPv4";
}

std::string transports_of(const ServerOptions& server) {
  return server.takes_tcp ? "transports 'udp' and 'tcp'"
                          : "transport " + shown(sip::transport_label(server.transport));
}

// Why the listener that a group asks for does not reach a server; empty where it does.
std::string fault_of(const ListenerOptions& listener, const ServerOptions& server) {
  std::string lack;
  if (!is_of_family(listener, server)) {
    lack = "it is not " + family_of(server);
  } else if (!has_transports(listener, server)) {
    lack = "it is without " + transports_of(server);
  } else {
    return {};
  }
  return "listener " + shown(listener.name) + " cannot reach server " + shown(server.name) + ": " +
         lack;
}

// Why none of the listeners reaches a server; empty where one does.
std::string fault_of(const std::vector<ListenerOptions>& listeners, const ServerOptions& server) {
  std::string lack = "none is " + family_of(server);
  for (const ListenerOptions& listener : listeners) {
    if (!is_of_family(listener, server)) continue;
    if (has_transports(listener, server)) return {};
    lack = (server.host.empty() ? "none that is " + family_of(server) : "none") + " has " +
           transports_of(server);
  }
  return "no listener can reach server " + shown(server.name) + ": " + lack;
}

// The first server that is out of reach is told.
void check_reach(const YamlNode& item, const GroupOptions& group,
                 const std::vector<ListenerOptions>& listeners, FaultList& faults) {
  // A listener that has a fault may be the one that is missed.
  const auto is_faulty = [](const ListenerOptions& listener) {
    return listener.address.family() == SockAddress::Family::None || listener.transports.empty();
  };
  if (listeners.empty() || std::any_of(listeners.begin(), listeners.end(), is_faulty)) return;
  for (const ServerOptions& server : group.servers) {
    if (is_unread(server)) continue;
    const std::string fault =
        group.listener ? fault_of(listeners[*group.listener], server) : fault_of(listeners, server);
    if (fault.empty()) continue;
    faults.add(at(item, group.listener ? "listener" : "servers").place, fault);
    return;
  }
}

}  // namespace

void complete_groups(const YamlNode& list, Configuration& configuration) {
  for (size_t g = 0; g < configuration.groups.size(); ++g) {
    const YamlNode& item = list.items[g];
    std::vector<ServerOptions>& servers = configuration.groups[g].servers;
    for (size_t s = 0; s < servers.size(); ++s) {
      // The default gives way; what is asked for is kept or refused.
      if (health_value(item, at(item, "servers").items[s], "fast_interval") != nullptr) continue;
      balance::HealthOptions& health = servers[s].health;
      health.fast_interval = std::min(health.fast_interval, health.interval);
    }
  }
}

void check_groups(const YamlNode& list, const Configuration& configuration, FaultList& faults) {
  Owners names;
  Owners ids;  // of the servers of all groups
  size_t server_count = 0;
  size_t source_count = 0;
  for (size_t i = 0; i < configuration.groups.size(); ++i) {
    const GroupOptions& group = configuration.groups[i];
    const YamlNode& item = list.items[i];
    if (!group.name.empty() && names.claim(group.name, group.name) != nullptr) {
      faults.add(at(item, "name").place, "name " + shown(group.name) + " is taken");
    }
    check_servers(item, group, configuration, ids, faults);
    check_sources(at(item, "servers"), group, configuration.listeners, faults);
    check_weights(item, group, faults);
    check_reach(item, group, configuration.listeners, faults);

    server_count += balance::place_count(group);
    for (const ServerOptions& server : group.servers) {
      source_count += server.sources.size();
    }
    const auto refuse_above = [&](size_t count, size_t count_max, std::string_view what) {
      if (count <= count_max) return false;
      faults.add(at(item, "servers").place, "more than " + std::to_string(count_max) + " " +
                                                std::string(what) + " in all groups together");
      return true;
    };
    if (refuse_above(server_count, balance::kServersMax, "servers") ||
        refuse_above(source_count, balance::kSourcesMax, "sources")) {
      return;
    }
  }
}

}  // namespace siplb::config
