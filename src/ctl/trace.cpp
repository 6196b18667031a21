#include "ctl/trace.h"

#include <ostream>

#include "ctl/follow.h"
#include "ctl/trace_ladder.h"
#include "ctl/url.h"

namespace siplb::ctl {
namespace {

struct Parameter {
  const char* argument;
  const char* name;
};
constexpr Parameter kParameters[] = {{"--call-id", "call_id"},
                                     {"--user", "user"},
                                     {"--server", "server"},
                                     {"--count", "count"},
                                     {"--seconds", "seconds"}};

}  // namespace

int trace(const Command& command, const Streams& streams) {
  Query query("/v1/trace");
  for (const Parameter& parameter : kParameters) {
    if (command.has(parameter.argument))
      query.add(parameter.name, command.value(parameter.argument));
  }
  TraceLadder ladder;
  return follow(command, streams, query.text(), [&](const std::string& line) {
    streams.out << (command.output == Output::Json ? line : ladder.add(line)) << std::flush;
  });
}

}  // namespace siplb::ctl
