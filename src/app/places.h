// Where the listeners, groups and servers of a configuration stand in this process.
//
// Workers and the prober know them by index, in tables that were sized once, and remember indexes
// for as long as a call lives. So an index never changes its meaning: who has a name keeps his
// place from one reload to the next, and gets it back should he return. Who is new gets a place
// that nobody ever had, else the one that has been vacant longest, if no call can remember whom it
// belonged to. A listener is known by its name and address: at another address it is another one.
// Thread: one at a time; a value, so that a reload can try. Bounds: kListenersMax listeners,
// kGroupsMax groups, and the servers that there are places for.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "balance/topology.h"
#include "base/result.h"
#include "base/time.h"
#include "config/configuration.h"

namespace siplb::app {

// Positions for names.
class PlaceList {
 public:
  explicit PlaceList(size_t places_max) : places_max_(places_max) {}

  // The places of `names`, which are distinct. A place may be taken by another name when it has
  // been vacant for `vacancy`. Nothing where there is none for somebody.
  [[nodiscard]] std::optional<std::vector<size_t>> assign(std::span<const std::string> names,
                                                          Duration vacancy, Instant now);
  // How many have ever been taken.
  [[nodiscard]] size_t count() const { return places_.size(); }

 private:
  struct Place {
    std::string name;
    std::optional<Instant> left_at;  // nothing: its name is there
  };
  [[nodiscard]] std::optional<size_t> free_place(Duration vacancy, Instant now);

  size_t places_max_;
  std::vector<Place> places_;
};

// A configuration of which everything stands at its place. What has left leaves a hollow one: a
// listener without transports, a group without name and servers. There are kGroupsMax groups.
struct Arranged {
  config::Configuration configuration;
  balance::ServerPlaces
      servers;  // of each server, of a host name of each place that it can lead to
};

class Places {
 public:
  // `servers_max`: of Sizing.
  explicit Places(size_t servers_max)
      : listeners_(transport::kListenersMax),
        groups_(balance::kGroupsMax),
        servers_(servers_max),
        servers_max_(servers_max) {}

  // Takes a configuration as it was loaded. Of a listener that has left remains what it was called,
  // since connections that came by it live on. Says in words what finds no place: then this object
  // is good for nothing more.
  [[nodiscard]] tl::expected<Arranged, std::string> arrange(config::Configuration loaded,
                                                            Instant now);

 private:
  [[nodiscard]] std::optional<std::string> arrange_listeners(config::Configuration& configuration,
                                                             Instant now);
  [[nodiscard]] std::optional<std::string> arrange_groups(config::Configuration& configuration,
                                                          Instant now);

  PlaceList listeners_;
  PlaceList groups_;
  PlaceList servers_;
  size_t servers_max_;
  std::vector<transport::ListenerOptions> known_listeners_;  // by place, as they last were
};

}  // namespace siplb::app
