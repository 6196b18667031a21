// What follows from a configuration without standing in it.
//
// Thread: any. Pure.
#pragma once

#include <string>
#include <string_view>

#include "config/configuration.h"

namespace siplb::config {

// Where the key is: as configured, else `key` in `state_directory` (systemd's $STATE_DIRECTORY, of
// which the first folder counts; empty where it is unset), else /var/lib/siplb/key.
[[nodiscard]] std::string key_file(const GlobalOptions& global, std::string_view state_directory);

}  // namespace siplb::config
