// Runs a command of siplb-load on real sockets, to its end.
//
// Thread: one, which must be the process's first where signals are to end it.
#pragma once

#include <iosfwd>

#include "load/command_line.h"

namespace siplb::load {

// Where a command writes: results to `out`, what goes on and what went wrong to `errors`.
struct Streams {
  std::ostream& out;
  std::ostream& errors;
  bool is_terminal = false;  // `errors` can show a progress line
};

// Both return the exit code. The first signal ends the starting of calls, the second one the run.
[[nodiscard]] int run_call(const CallCommand& command, const Streams& streams);
[[nodiscard]] int run_serve(const ServeCommand& command, const Streams& streams);

}  // namespace siplb::load
