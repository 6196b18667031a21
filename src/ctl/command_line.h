// The command line of siplbctl, read into what is to be done.
//
// Thread: one.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "ctl/verb.h"

namespace siplb::ctl {

// A command, or the exit code where all is said (help, usage error). `environment_socket` is
// $SIPLB_SOCKET, empty where it is unset.
[[nodiscard]] std::variant<Command, int> parse_command_line(
    const std::vector<std::string>& arguments, const std::string& environment_socket,
    const Streams& streams);

}  // namespace siplb::ctl
