// The verb `check`: what is wrong with a configuration file, as siplbd --check says it.
//
// siplbd is run for that, so that both always agree.
// Thread: one.
#pragma once

#include <string>

#include "ctl/program.h"
#include "ctl/verb.h"

namespace siplb::ctl {

int check(const Command& command, const Streams& streams);

// siplbd beside this program where there is one, else that of PATH.
[[nodiscard]] std::string siplbd_path();
// Prints what siplbd has said, and returns the exit code.
[[nodiscard]] int print_report(const Command& command, const Streams& streams,
                               const Printed& printed);

}  // namespace siplb::ctl
