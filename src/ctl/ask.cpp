#include "ctl/ask.h"

#include <ostream>

#include "ctl/daemon_client.h"
#include "ctl/tables.h"

namespace siplb::ctl {
namespace {

constexpr int kNeedsForce = 409;

Asked take(const std::variant<Reply, NoReply>& answer, const Command& command,
           std::ostream& errors) {
  if (const auto* none = std::get_if<NoReply>(&answer)) {
    errors << "siplbctl: no siplbd at " << command.socket << ": " << none->reason << '\n';
    return kExitNoDaemon;
  }
  const Reply& reply = *std::get_if<Reply>(&answer);
  if (reply.status == 200) return reply.body;
  errors << "siplbctl: " << error_text(reply.body)
         << (reply.status == kNeedsForce ? " (--force does it)" : "") << '\n';
  return kExitRefused;
}

}  // namespace

Asked ask(const Command& command, const Streams& streams, const std::string& path) {
  return take(DaemonClient(command.socket).get(path), command, streams.errors);
}

Asked ask(const Command& command, const Streams& streams, const Change& change) {
  return take(DaemonClient(command.socket).post(change.path, change.body), command, streams.errors);
}

int print(const Command& command, const Streams& streams, const Asked& asked, ToText to_text) {
  if (const int* code = std::get_if<int>(&asked)) return *code;
  const std::string& body = *std::get_if<std::string>(&asked);
  streams.out << (command.output == Output::Json ? body : to_text(body));
  return kExitDone;
}

}  // namespace siplb::ctl
