// Routes: one action each with what it needs, and none that can never match.
#include <algorithm>
#include <functional>
#include <optional>

#include "config/check_parts.h"
#include "sip/text.h"

namespace siplb::config {
namespace {

using proxy::PathMode;
using proxy::RouteOptions;
using transport::ListenerOptions;
using transport::ListenerRole;

constexpr uint32_t kRegister = uint32_t{1} << static_cast<unsigned>(sip::Method::Register);

void check_action(const YamlNode& item, FaultList& faults) {
  constexpr std::string_view kActions = "'group', 'drop', 'reject', 'forward'";
  std::vector<Place> actions;
  for (const YamlEntry& entry : item.entries) {
    if (entry.key == "group" || entry.key == "drop" || entry.key == "reject" ||
        entry.key == "forward") {
      actions.push_back(entry.place);
    }
  }
  if (actions.empty()) {
    faults.add(item.place, std::string("a route needs one of ").append(kActions));
  }
  if (actions.size() > 1) {
    faults.add(actions[1], std::string("a route has only one of ").append(kActions));
  }
}

// What an action has need of, and what goes only with some.
void check_demands(const YamlNode& item, const RouteOptions& route,
                   const std::vector<balance::GroupOptions>& groups, FaultList& faults) {
  const auto refuse = [&](std::string_view key, std::string_view why) {
    if (const YamlNode* value = item.find(key)) {
      faults.add(value->place, shown(key).append(" ").append(why));
    }
  };
  const bool has_group = item.find("group") != nullptr;
  if (!has_group) {
    for (const std::string_view key : {"hash_key", "stateless", "path"}) {
      refuse(key, "goes only with 'group'");
    }
    if (item.find("forward") == nullptr) refuse("rate", "goes only with 'group' or 'forward'");
  }
  if (at(item, "match").find("from_group") == nullptr) {
    refuse("forward", "goes only with match.from_group: nobody else may choose where we send");
  }
  if (route.path == PathMode::Auto && route.methods != kRegister) {
    refuse("path", "goes only with match.methods [REGISTER]");
  }
  if (!has_group || !route.is_stateless) return;
  if (route.path == PathMode::Auto) refuse("stateless", "does not go with 'path'");
  const bool is_group = route.group < groups.size() && !faults.has(at(item, "group").place);
  if (is_group && groups[route.group].policy != balance::Policy::Maglev) {
    refuse("stateless", "goes only with a group whose policy is maglev");
  }
}

// ---- routes that hide others ------------------------------------------------------------------

// An earlier condition holds wherever the later one does.
template <class Condition>
bool is_wider(const std::optional<Condition>& earlier, const std::optional<Condition>& later) {
  return !earlier || earlier == later;
}

template <class Item, class Same>
bool has_all(const std::vector<Item>& items, const std::vector<Item>& wanted, Same is_same) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const Item& item) {
    return std::any_of(items.begin(), items.end(),
                       [&](const Item& other) { return is_same(item, other); });
  });
}

bool is_wider_in_sources(const RouteOptions& earlier, const RouteOptions& later) {
  if (earlier.sources.empty()) return true;
  return !later.sources.empty() && has_all(earlier.sources, later.sources, std::equal_to<>());
}

bool is_wider_in_headers(const RouteOptions& earlier, const RouteOptions& later) {
  return has_all(later.headers, earlier.headers,
                 [](const proxy::HeaderMatch& a, const proxy::HeaderMatch& b) {
                   return sip::equal_caseless(a.name, b.name) && a.pattern == b.pattern;
                 });
}

// True where every request that `later` matches is taken by `earlier` before it, also by one that
// answers what is above its rate.
bool covers(const RouteOptions& earlier, const RouteOptions& later) {
  return earlier.from_group == later.from_group && (later.methods & ~earlier.methods) == 0 &&
         (later.listeners & ~earlier.listeners) == 0 &&
         (later.transports & ~earlier.transports) == 0 &&
         is_wider(earlier.request_user, later.request_user) &&
         is_wider(earlier.request_host, later.request_host) &&
         is_wider_in_sources(earlier, later) && is_wider_in_headers(earlier, later);
}

// Whether all that the route is to match could be read.
bool is_understood(const YamlNode& item, const FaultList& faults) {
  const YamlNode& match = at(item, "match");
  return !faults.has(match.place) &&
         std::none_of(match.entries.begin(), match.entries.end(),
                      [&](const YamlEntry& entry) { return faults.has(entry.value.place); });
}

bool meets_servers(const RouteOptions& route, const std::vector<ListenerOptions>& listeners) {
  for (size_t i = 0; i < listeners.size(); ++i) {
    if (listeners[i].role != ListenerRole::Clients && (route.listeners >> i & 1) != 0) return true;
  }
  return false;
}

// Faulty lists are empty, and meet everything.
bool meets_transports(const RouteOptions& route, const std::vector<ListenerOptions>& listeners) {
  if (route.transports == 0 || route.listeners == 0) return true;
  for (size_t i = 0; i < listeners.size(); ++i) {
    if ((route.listeners >> i & 1) == 0) continue;
    if (listeners[i].transports.empty()) return true;
    for (const sip::Transport transport : listeners[i].transports) {
      if ((route.transports >> static_cast<unsigned>(transport) & 1) != 0) return true;
    }
  }
  return false;
}

}  // namespace

void check_routes(const YamlNode& root, const Configuration& configuration, FaultList& faults) {
  const YamlNode* list = root.find("routes");
  if (list == nullptr) {
    if (configuration.groups.size() > 1) {
      faults.add(at(root, "groups").place, "with several groups 'routes' is required");
    }
    return;
  }
  Owners names;
  std::vector<const RouteOptions*> understood;
  for (size_t i = 0; i < configuration.routes.size(); ++i) {
    const RouteOptions& route = configuration.routes[i];
    const YamlNode& item = list->items[i];
    if (item.kind != YamlNode::Kind::Map) continue;
    check_action(item, faults);
    check_demands(item, route, configuration.groups, faults);
    if (!route.name.empty() && names.claim(route.name, route.name) != nullptr) {
      faults.add(at(item, "name").place, "name " + shown(route.name) + " is taken");
    }
    if (route.from_group && !meets_servers(route, configuration.listeners)) {
      faults.add(at(at(item, "match"), "from_group").place,
                 "this can never match: no such listener has role 'servers' or 'both'");
    }
    if (!meets_transports(route, configuration.listeners)) {
      faults.add(at(at(item, "match"), "transports").place,
                 "this can never match: no such listener has one of these transports");
    }
    const auto before =
        std::find_if(understood.begin(), understood.end(),
                     [&](const RouteOptions* earlier) { return covers(*earlier, route); });
    if (before != understood.end()) {
      faults.add(item.place, "this can never match: route " + shown((*before)->name) +
                                 " before it takes all of its requests");
    }
    if (!route.name.empty() && is_understood(item, faults)) understood.push_back(&route);
  }
}

}  // namespace siplb::config
