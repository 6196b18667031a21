// The places of servers that are given by name: which address stands at which.
//
// A name is kPlacesPerName servers, "pbx1/1" to "pbx1/8", from the start, so that servers keep
// their indexes and metrics their series whatever the name servers say. An address keeps its place
// for as long as the name leads to it; a new one takes the first free place, so that nobody else
// moves. Each address is a server of its own, with the whole of the name's weight and limits. That
// of an SRV record has the share that its weight has of the greatest of its priority, and stands as
// many tiers behind as there are better priorities. Pure. Thread: one, the control thread. Bounds:
// kNamesMax names of kPlacesPerName places.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "app/lookups.h"
#include "balance/options.h"

namespace siplb::app {

// What the server at a place is called, "pbx1/1" first; one without a host name has its own name.
[[nodiscard]] std::string place_name(const balance::ServerOptions& server, size_t place);

class NamePlaces {
 public:
  // By place; an address of Family::None where it is empty.
  using Places = std::array<NamedAddress, balance::kPlacesPerName>;

  // Names are numbered as they stand in the groups. A server that keeps its group, name and host
  // keeps its addresses.
  void set_groups(std::span<const balance::GroupOptions> groups);
  // What to ask for, by number of the name: for Resolver::set_names().
  [[nodiscard]] std::vector<HostName> names() const;

  enum class [[nodiscard]] Change : uint8_t{None, Moved};
  // The name now leads to exactly these addresses, in whatever order. None at all: nothing changes.
  Change update(size_t name, std::span<const NamedAddress> addresses);
  [[nodiscard]] const Places& places(size_t name) const { return names_[name].places; }
  // Addresses that found no place, of all names.
  [[nodiscard]] size_t ignored() const;

  // The groups with each named server replaced by its places. Requires: those of set_groups().
  [[nodiscard]] std::vector<balance::GroupOptions> expand(
      std::span<const balance::GroupOptions> groups) const;

 private:
  struct Name {
    std::string server;  // "pbx/pbx1"
    HostName host;
    Places places;
    size_t ignored = 0;
  };

  std::vector<Name> names_;
};

}  // namespace siplb::app
