// The verb `top`: what happens, once a second, in a terminal.
//
// Thread: one.
#pragma once

#include "ctl/verb.h"

namespace siplb::ctl {

// Where nobody watches (no terminal, or --once) it prints one frame and ends; with --json an object
// each second.
int top(const Command& command, const Streams& streams);

}  // namespace siplb::ctl
