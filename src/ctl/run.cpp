#include "ctl/run.h"

#include <exception>
#include <ostream>

#include "ctl/daemon_client.h"
#include "ctl/tables.h"

namespace siplb::ctl {
namespace {

constexpr const char* kAllServers = "/v1/servers";
constexpr int kNeedsForce = 409;

// Nothing in it needs an escape: states are checked words.
std::string change_body(const Command& command) {
  std::string body = command.verb == Verb::SetState
                         ? R"({"state":")" + command.state + '"'
                         : R"({"weight":)" + std::to_string(command.weight);
  if (command.force) body += R"(,"force":true)";
  return body + '}';
}

std::variant<Reply, NoReply> ask(const Command& command) {
  const DaemonClient daemon(command.socket);
  const std::string server_path = std::string(kAllServers) + '/' + command.server;
  switch (command.verb) {
    case Verb::ShowServers: return daemon.get(kAllServers);
    case Verb::ShowServer:
    case Verb::WhyDown: return daemon.get(server_path);
    case Verb::SetState:
    case Verb::SetWeight: break;
  }
  return daemon.post(server_path, change_body(command));
}

std::string text_for_people(Verb verb, const std::string& body) {
  switch (verb) {
    case Verb::ShowServers: return servers_table(body);
    case Verb::ShowServer: return server_sheet(body);
    case Verb::WhyDown: return why_down_text(body);
    case Verb::SetState:
    case Verb::SetWeight: break;
  }
  return change_line(body);
}

int print(const Command& command, const Reply& reply, std::ostream& out, std::ostream& errors) {
  if (reply.status != 200) {
    errors << "siplbctl: " << error_text(reply.body)
           << (reply.status == kNeedsForce ? " (--force does it)" : "") << '\n';
    return kExitRefused;
  }
  out << (command.output == Output::Json ? reply.body : text_for_people(command.verb, reply.body));
  return kExitDone;
}

}  // namespace

int run(const Command& command, std::ostream& out, std::ostream& errors) {
  const auto answer = ask(command);
  if (const auto* none = std::get_if<NoReply>(&answer)) {
    errors << "siplbctl: no siplbd at " << command.socket << ": " << none->reason << '\n';
    return kExitNoDaemon;
  }
  try {
    return print(command, *std::get_if<Reply>(&answer), out, errors);
  } catch (const std::exception&) {
    errors << "siplbctl: what listens at " << command.socket << " does not speak as siplbd does\n";
    return kExitRefused;
  }
}

}  // namespace siplb::ctl
