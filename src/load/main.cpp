// siplb-load: places SIP calls, and answers them as simulated servers. See docs/man/siplb-load.1.

#include <iostream>
#include <string>
#include <variant>
#include <vector>

#include <unistd.h>

#include "load/command_line.h"
#include "load/run.h"

int main(int argc, char** argv) {
  using namespace siplb::load;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const CommandLine command = parse_command_line(arguments, std::cout, std::cerr);
  const Streams streams{std::cout, std::cerr, ::isatty(STDERR_FILENO) == 1};
  if (const auto* call = std::get_if<CallCommand>(&command)) return run_call(*call, streams);
  if (const auto* serve = std::get_if<ServeCommand>(&command)) return run_serve(*serve, streams);
  return std::get<int>(command);
}
