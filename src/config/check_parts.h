// The parts of check(), and what they share. For checks.cpp and the files of these parts only.
//
// Thread: one. Bounds: those of the configuration.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/configuration.h"
#include "config/fault.h"
#include "config/yaml_tree.h"

namespace siplb::config {

// Requires, of all: `list` or `root` is what `configuration` was read from.
void check_listeners(const YamlNode& list, const Configuration& configuration, FaultList& faults);
// What servers' health takes from other keys where the file does not say it.
void complete_groups(const YamlNode& list, Configuration& configuration);
void check_groups(const YamlNode& list, const Configuration& configuration, FaultList& faults);
void check_routes(const YamlNode& root, const Configuration& configuration, FaultList& faults);

// The value of `key`, else the element that should have it: where a fault is shown.
inline const YamlNode& at(const YamlNode& element, std::string_view key) {
  const YamlNode* value = element.find(key);
  return value == nullptr ? element : *value;
}

// fe80::/10 names a host only together with the link it is on.
inline void check_link(const SockAddress& address, Place place, FaultList& faults) {
  if (address.is_v6() && address.is_link_local()) {
    faults.add(place, "IPv6 link-local addresses are not supported: no scope id can be given");
  }
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

// Networks of which each stands in one of several lists only.
class Networks {
 public:
  explicit Networks(FaultList& faults) : faults_(faults) {}

  // Repeats within a list have a fault already.
  void claim(const std::vector<Network>& networks, const YamlNode& list) {
    for (size_t i = 0; i < networks.size(); ++i) {
      if (std::find(taken_.begin(), taken_.end(), networks[i]) == taken_.end()) continue;
      faults_.add(list.items[i].place, shown(list.items[i].text) + " is in an earlier list too");
    }
    taken_.insert(taken_.end(), networks.begin(), networks.end());
  }

 private:
  FaultList& faults_;
  std::vector<Network> taken_;
};

}  // namespace siplb::config
