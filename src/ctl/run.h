// Carries out one command: asks siplbd, prints what it says, and returns the exit code.
//
// Thread: one.
#pragma once

#include <iosfwd>

#include "ctl/command_line.h"

namespace siplb::ctl {

[[nodiscard]] int run(const Command& command, std::ostream& out, std::ostream& errors);

}  // namespace siplb::ctl
