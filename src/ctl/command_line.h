// The command line of siplbctl, read into what is to be done.
//
// Thread: one.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace siplb::ctl {

inline constexpr int kExitDone = 0;
inline constexpr int kExitRefused = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNoDaemon = 3;

enum class Verb : uint8_t { ShowServers, ShowServer, SetState, SetWeight, WhyDown };
enum class Output : uint8_t { People, Json };

struct Command {
  Verb verb = Verb::ShowServers;
  std::string server;   // "pbx/s1"; not with ShowServers
  std::string state;    // with SetState
  uint32_t weight = 0;  // with SetWeight
  bool force = false;
  Output output = Output::People;
  std::string socket;
};

// A command, or the exit code where all is said (help, usage error). `environment_socket` is
// $SIPLB_SOCKET, empty where it is unset.
[[nodiscard]] std::variant<Command, int> parse_command_line(
    const std::vector<std::string>& arguments, const std::string& environment_socket,
    std::ostream& out, std::ostream& errors);

}  // namespace siplb::ctl
