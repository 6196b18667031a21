#include "app/changes.h"

#include <map>

namespace siplb::app {
namespace {

using balance::GroupOptions;
using balance::ServerOptions;
using config::Configuration;
using transport::ListenerOptions;

template <class T>
using ByName = std::map<std::string, T>;

// Those that have not left. The same name may have been at another address before.
ByName<ListenerOptions> listeners_of(const Configuration& configuration) {
  ByName<ListenerOptions> listeners;
  for (const ListenerOptions& listener : configuration.listeners) {
    if (!listener.has_left()) listeners.emplace(listener.name, listener);
  }
  return listeners;
}

// Without their servers.
ByName<GroupOptions> groups_of(const Configuration& configuration) {
  ByName<GroupOptions> groups;
  for (GroupOptions group : configuration.groups) {
    if (group.name.empty()) continue;
    group.servers.clear();
    groups.emplace(group.name, std::move(group));
  }
  return groups;
}

ByName<ServerOptions> servers_of(const Configuration& configuration) {
  ByName<ServerOptions> servers;
  for (const GroupOptions& group : configuration.groups) {
    for (const ServerOptions& server : group.servers) {
      servers.emplace(group.name + '/' + server.name, server);
    }
  }
  return servers;
}

void add(std::string& list, const std::string& name) {
  if (!list.empty()) list += ", ";
  list += name;
}

template <class T>
void compare(std::string_view what, const ByName<T>& before, const ByName<T>& after,
             std::vector<std::string>& lines) {
  std::string added;
  std::string removed;
  std::string changed;
  for (const auto& [name, options] : after) {
    const auto old = before.find(name);
    if (old == before.end()) {
      add(added, name);
    } else if (!(old->second == options)) {
      add(changed, name);
    }
  }
  for (const auto& [name, options] : before) {
    if (!after.contains(name)) add(removed, name);
  }
  for (const auto& [verb, names] : {std::pair(" added: ", added), std::pair(" removed: ", removed),
                                    std::pair(" changed: ", changed)}) {
    if (!names.empty()) lines.push_back(std::string(what) + verb + names);
  }
}

}  // namespace

std::vector<std::string> changes(const Configuration& before, const Configuration& after) {
  std::vector<std::string> lines;
  compare("listeners", listeners_of(before), listeners_of(after), lines);
  compare("groups", groups_of(before), groups_of(after), lines);
  compare("servers", servers_of(before), servers_of(after), lines);
  if (before.routes != after.routes) lines.emplace_back("routes changed");
  if (before.global != after.global) lines.emplace_back("global changed");
  if (before.limits != after.limits) lines.emplace_back("limits changed");
  return lines;
}

}  // namespace siplb::app
