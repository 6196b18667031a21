// Every key of the file: the table that reading, refusals and the reference come from.
//
// Keys of later work are in it too, so that they are refused as not yet supported, not as unknown.
// Thread: any, immutable once built.
#pragma once

#include <vector>

#include "config/section.h"

namespace siplb::config {

[[nodiscard]] const KeyTable<Configuration>& configuration_keys();
[[nodiscard]] const KeyTable<transport::ListenerOptions>& listener_keys();
[[nodiscard]] const KeyTable<balance::GroupOptions>& group_keys();
[[nodiscard]] const KeyTable<proxy::RouteOptions>& route_keys();

// All of it in the table's order, for documentation and its tests.
[[nodiscard]] std::vector<KeyReference> key_reference();

}  // namespace siplb::config
