// The verb `dump`: all that helps to understand a problem from afar, as one text.
//
// Thread: one.
#pragma once

#include "ctl/verb.h"

namespace siplb::ctl {

int dump(const Command& command, const Streams& streams);

}  // namespace siplb::ctl
