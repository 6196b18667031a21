// Carries out one command, and returns the exit code.
//
// Thread: one.
#pragma once

#include "ctl/verb.h"

namespace siplb::ctl {

[[nodiscard]] int run(const Command& command, const Streams& streams);

}  // namespace siplb::ctl
