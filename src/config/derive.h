// What follows from a configuration without standing in it.
//
// Thread: any. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/configuration.h"

namespace siplb::config {

// The listener that requests to this group's servers leave by: of those with the servers' address
// family, role servers before both before clients, then the first in the file. Nothing where no
// listener has that family; a loaded configuration has one for every group.
[[nodiscard]] std::optional<transport::ListenerIndex> egress_listener(
    const balance::GroupOptions& group, std::span<const transport::ListenerOptions> listeners);

// Where the key is: as configured, else `key` in `state_directory` (systemd's $STATE_DIRECTORY, of
// which the first folder counts), else /var/lib/siplb/key.
[[nodiscard]] std::string key_file(const GlobalOptions& global, std::string_view state_directory);

}  // namespace siplb::config
