#include "ctl/follow.h"

#include <exception>
#include <ostream>
#include <string_view>

#include "ctl/daemon_client.h"
#include "ctl/tables.h"

namespace siplb::ctl {

int follow(const Command& command, const Streams& streams, const std::string& path,
           const OnLine& on_line) {
  std::string rest;
  std::exception_ptr fault;
  const auto take = [&](std::string_view piece) {
    rest += piece;
    try {
      for (size_t end; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1)) {
        on_line(rest.substr(0, end + 1));
      }
    } catch (...) {
      fault = std::current_exception();  // it would have to go through a library
    }
    return fault == nullptr;
  };
  const auto answer = DaemonClient(command.socket).stream(path, take);
  if (fault != nullptr) std::rethrow_exception(fault);
  if (const auto* none = std::get_if<NoReply>(&answer)) {
    streams.errors << "siplbctl: no siplbd at " << command.socket << ": " << none->reason << '\n';
    return kExitNoDaemon;
  }
  const Reply& reply = *std::get_if<Reply>(&answer);
  if (reply.status == 200) return kExitDone;
  streams.errors << "siplbctl: " << error_text(reply.body) << '\n';
  return kExitRefused;
}

}  // namespace siplb::ctl
