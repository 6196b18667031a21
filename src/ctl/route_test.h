// The verb `route-test`: which server a request would get, and why, step by step.
//
// Thread: one.
#pragma once

#include "ctl/verb.h"

namespace siplb::ctl {

int route_test(const Command& command, const Streams& streams);

}  // namespace siplb::ctl
