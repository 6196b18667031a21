// The verb `trace`: follows calls live, as ladders or as siplbd's lines of JSON.
//
// Thread: one.
#pragma once

#include "ctl/verb.h"

namespace siplb::ctl {

// Ends with the trace: siplbd says why.
int trace(const Command& command, const Streams& streams);

}  // namespace siplb::ctl
