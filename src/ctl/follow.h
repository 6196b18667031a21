// An answer that comes line by line, while it is waited for.
//
// Thread: one.
#pragma once

#include <functional>
#include <string>

#include "ctl/verb.h"

namespace siplb::ctl {

// Calls on_line() with each line of the answer, its end included. Returns the exit code, what is
// wrong having been said. What on_line() throws comes out here.
using OnLine = std::function<void(const std::string& line)>;
[[nodiscard]] int follow(const Command& command, const Streams& streams, const std::string& path,
                         const OnLine& on_line);

}  // namespace siplb::ctl
