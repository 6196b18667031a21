#include "app/places.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "app/name_places.h"

namespace siplb::app {
namespace {

using balance::GroupOptions;
using balance::ServerOptions;
using config::Configuration;
using transport::ListenerOptions;

template <class Named, class NameOf>
std::vector<std::string> names_of(const std::vector<Named>& all, NameOf name_of) {
  std::vector<std::string> names;
  for (const Named& each : all) names.push_back(name_of(each));
  return names;
}

std::vector<std::string> server_names(const std::vector<GroupOptions>& groups) {
  std::vector<std::string> names;
  for (const GroupOptions& group : groups) {
    for (const ServerOptions& server : group.servers) {
      for (size_t place = 0; place < balance::place_count(server); ++place) {
        names.push_back(group.name + '/' + place_name(server, place));
      }
    }
  }
  return names;
}

// Bit i of `bits` says something of the listener that is now at places[i]. All stays all.
uint16_t moved_bits(uint16_t bits, std::span<const size_t> places) {
  if (bits == UINT16_MAX) return bits;
  uint16_t moved = 0;
  for (size_t i = 0; i < places.size(); ++i) {
    if ((bits >> i & 1U) != 0) moved = static_cast<uint16_t>(moved | 1U << places[i]);
  }
  return moved;
}

std::string no_room(std::string_view what, Duration vacancy) {
  const auto minutes = std::chrono::ceil<std::chrono::minutes>(vacancy);
  return "no place is left for more " + std::string(what) +
         ": one that has been left is free after " + std::to_string(minutes.count()) +
         " min (limits.call_expiry), a restart frees all";
}

}  // namespace

// For a name that has none.
std::optional<size_t> PlaceList::free_place(Duration vacancy, Instant now) {
  if (places_.size() < places_max_) {
    places_.emplace_back();
    return places_.size() - 1;
  }
  const auto left_longest =
      std::min_element(places_.begin(), places_.end(), [](const Place& a, const Place& b) {
        return a.left_at.value_or(Instant::max()) < b.left_at.value_or(Instant::max());
      });
  const bool is_free = left_longest != places_.end() && left_longest->left_at &&
                       now - *left_longest->left_at >= vacancy;
  if (!is_free) return std::nullopt;
  return left_longest - places_.begin();
}

std::optional<std::vector<size_t>> PlaceList::assign(std::span<const std::string> names,
                                                     Duration vacancy, Instant now) {
  const std::set<std::string_view> present(names.begin(), names.end());
  std::map<std::string, size_t, std::less<>> places_by_name;
  for (size_t i = 0; i < places_.size(); ++i) {
    Place& place = places_[i];
    places_by_name.emplace(place.name, i);
    if (present.contains(place.name)) {
      place.left_at.reset();
    } else if (!place.left_at) {
      place.left_at = now;
    }
  }
  std::vector<size_t> assigned;
  for (const std::string& name : names) {
    const auto own = places_by_name.find(name);
    const auto place =
        own != places_by_name.end() ? std::optional(own->second) : free_place(vacancy, now);
    if (!place) return std::nullopt;
    places_[*place] = {.name = name, .left_at = std::nullopt};
    assigned.push_back(*place);
  }
  return assigned;
}

std::optional<std::string> Places::arrange_listeners(Configuration& configuration, Instant now) {
  const Duration vacancy = configuration.limits.call_expiry;
  const auto places = listeners_.assign(names_of(configuration.listeners,
                                                 [](const ListenerOptions& listener) {
                                                   return listener.name + ' ' +
                                                          std::string(listener.address.text());
                                                 }),
                                        vacancy, now);
  if (!places) return no_room("listeners", vacancy);

  for (ListenerOptions& known : known_listeners_) known.transports.clear();
  known_listeners_.resize(listeners_.count());
  for (size_t i = 0; i < places->size(); ++i) {
    known_listeners_[(*places)[i]] = std::move(configuration.listeners[i]);
  }
  configuration.listeners = known_listeners_;
  for (GroupOptions& group : configuration.groups) {
    if (group.listener) group.listener = static_cast<uint8_t>((*places)[*group.listener]);
  }
  for (proxy::RouteOptions& route : configuration.routes) {
    route.listeners = moved_bits(route.listeners, *places);
  }
  return std::nullopt;
}

std::optional<std::string> Places::arrange_groups(Configuration& configuration, Instant now) {
  const Duration vacancy = configuration.limits.call_expiry;
  const auto places = groups_.assign(
      names_of(configuration.groups, [](const GroupOptions& group) { return group.name; }), vacancy,
      now);
  if (!places) return no_room("groups", vacancy);

  std::vector<GroupOptions> groups(balance::kGroupsMax);
  for (size_t i = 0; i < places->size(); ++i) {
    groups[(*places)[i]] = std::move(configuration.groups[i]);
  }
  configuration.groups = std::move(groups);
  const auto moved = [&](balance::GroupIndex group) {
    return static_cast<balance::GroupIndex>((*places)[group]);
  };
  for (proxy::RouteOptions& route : configuration.routes) {
    if (route.from_group) route.from_group = moved(*route.from_group);
    if (route.action == proxy::RouteAction::Group) route.group = moved(route.group);
  }
  return std::nullopt;
}

tl::expected<Arranged, std::string> Places::arrange(Configuration loaded, Instant now) {
  const Duration vacancy = loaded.limits.call_expiry;
  if (auto fault = arrange_listeners(loaded, now)) return tl::unexpected(std::move(*fault));
  if (auto fault = arrange_groups(loaded, now)) return tl::unexpected(std::move(*fault));
  const auto places = servers_.assign(server_names(loaded.groups), vacancy, now);
  if (!places) return tl::unexpected(no_room("servers (limits.servers)", vacancy));
  Arranged arranged{.configuration = std::move(loaded),
                    .servers = {.of = {places->begin(), places->end()}, .count = servers_max_}};
  return arranged;
}

}  // namespace siplb::app
