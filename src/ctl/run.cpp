#include "ctl/run.h"

#include <exception>
#include <ostream>

namespace siplb::ctl {

int run(const Command& command, const Streams& streams) {
  try {
    return command.verb->run(command, streams);
  } catch (const std::exception&) {
    streams.errors << "siplbctl: what listens at " << command.socket
                   << " does not speak as siplbd does\n";
    return kExitRefused;
  }
}

}  // namespace siplb::ctl
