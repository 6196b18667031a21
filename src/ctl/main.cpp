// siplbctl: shows and changes what a running siplbd does. See docs/man/siplbctl.8.

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "ctl/command_line.h"
#include "ctl/run.h"

int main(int argc, char** argv) {
  using namespace siplb::ctl;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const char* socket = std::getenv("SIPLB_SOCKET");
  const Streams streams{.out = std::cout, .errors = std::cerr};
  const auto command = parse_command_line(arguments, socket == nullptr ? "" : socket, streams);
  if (const int* code = std::get_if<int>(&command)) return *code;
  return run(*std::get_if<Command>(&command), streams);
}
