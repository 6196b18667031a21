// Groups: servers that are used twice, that cannot be reached, that are ourselves.
#include <algorithm>

#include "config/check_parts.h"
#include "sip/seal.h"
#include "sip/uri.h"

namespace siplb::config {
namespace {

using balance::GroupOptions;
using balance::ServerOptions;
using transport::ListenerOptions;
using transport::ListenerRole;

// Whether one of the names that a listener advertises is this address.
bool advertises(const ListenerOptions& listener, const SockAddress& address) {
  return std::any_of(listener.advertise.begin(), listener.advertise.end(), [&](const auto& name) {
    const std::string text = "sip:" + name.as;
    sip::Uri uri;
    return sip::parse_uri(text, uri) && uri.literal() == address;
  });
}

// Whether `address` is the listener's as far as the file tells: on a wildcard all of loopback is.
bool is_at(const ListenerOptions& listener, const SockAddress& address) {
  if (!listener.address.is_wildcard()) return listener.address == address;
  return address.is_loopback() && address.family() == listener.address.family() &&
         address.port() == listener.address.port();
}

// A server that is one of our listeners would be a loop.
void check_not_ours(const SockAddress& server, Place place,
                    const std::vector<ListenerOptions>& listeners, FaultList& faults) {
  for (const ListenerOptions& listener : listeners) {
    if (is_at(listener, server)) {
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
    check_uri(item, server, faults);
    check_link(server.address, place, faults);
    check_not_ours(server.address, place, configuration.listeners, faults);
  }
}

// Whether requests can be spread over the servers of a group.
void check_weights(const YamlNode& item, const GroupOptions& group, FaultList& faults) {
  const auto is_idle = [](const ServerOptions& server) { return server.weight == 0; };
  if (std::all_of(group.servers.begin(), group.servers.end(), is_idle) && !group.servers.empty()) {
    faults.add(at(item, "servers").place, "one of the servers needs a weight above 0");
  }
}

bool is_of_family(const ListenerOptions& listener, const ServerOptions& server) {
  return listener.address.family() == server.address.family();
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
    lack = "none that is " + family_of(server) + " has " + transports_of(server);
  }
  return "no listener can reach server " + shown(server.name) + ": " + lack;
}

// The first server that is out of reach is told.
void check_reach(const YamlNode& item, const GroupOptions& group,
                 const std::vector<ListenerOptions>& listeners, FaultList& faults) {
  // A listener that has a fault may be the one that is missed.
  const auto is_unread = [](const ListenerOptions& listener) {
    return listener.address.family() == SockAddress::Family::None || listener.transports.empty();
  };
  if (listeners.empty() || std::any_of(listeners.begin(), listeners.end(), is_unread)) return;
  for (const ServerOptions& server : group.servers) {
    if (server.address.family() == SockAddress::Family::None) continue;
    const std::string fault =
        group.listener ? fault_of(listeners[*group.listener], server) : fault_of(listeners, server);
    if (fault.empty()) continue;
    faults.add(at(item, group.listener ? "listener" : "servers").place, fault);
    return;
  }
}

}  // namespace

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
    check_servers(at(item, "servers"), group, configuration, ids, faults);
    check_sources(at(item, "servers"), group, configuration.listeners, faults);
    check_weights(item, group, faults);
    check_reach(item, group, configuration.listeners, faults);

    server_count += group.servers.size();
    for (const ServerOptions& server : group.servers) source_count += server.sources.size();
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
