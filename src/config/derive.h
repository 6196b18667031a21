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

// Where siplbctl finds siplbd: as configured, else `admin.sock` and `read.sock` in
// `runtime_directory` (systemd's $RUNTIME_DIRECTORY, as above); nothing where both are missing.
[[nodiscard]] AdminOptions admin_sockets(const AdminOptions& admin,
                                         std::string_view runtime_directory);

}  // namespace siplb::config
