// What no single value shows: names used twice, collisions, timers at odds, routes that can never
// match.
//
// Thread: one. Bounds: those of the configuration.
#pragma once

#include "config/configuration.h"
#include "config/fault.h"
#include "config/yaml_tree.h"

namespace siplb::config {

// Gives listeners their default role, and a single group its route where the file has no routes.
void complete(const YamlNode& root, Configuration& configuration);

// Requires: `configuration` was read from `root` and completed. Elements with faults of their own
// cause no further ones here.
void check(const YamlNode& root, const Configuration& configuration, FaultList& faults);

// What is allowed, and may still be a mistake. Requires: as check().
void warn(const YamlNode& root, const Configuration& configuration, FaultList& warnings);

}  // namespace siplb::config
