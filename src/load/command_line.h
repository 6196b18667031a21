// The command line of siplb-load, read into what the engines take.
//
// Thread: one.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "load/answerer.h"
#include "load/caller.h"

namespace siplb::load {

inline constexpr size_t kSourcesMax = 64;
inline constexpr int kExitWell = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;

// What is shown while calls run.
enum class Display : uint8_t {
  Quiet,
  Progress,  // one line, written over
  Table,     // a row each second
};

struct CallCommand {
  CallerOptions caller;          // but for its sources, which are known when bound
  std::optional<uint32_t> seed;  // none: random
  std::optional<SockAddress> from;
  size_t source_count = 1;
  uint32_t stuck_count = 0;        // connections that are not read
  Reading reading;                 // of the others
  double loss = 0;                 // share of datagrams
  std::optional<Display> display;  // none: as the terminal suggests
  bool json = false;
};

struct ServeCommand {
  std::vector<SockAddress> listen;  // one per server
  AnswererOptions answerer;         // servers' addresses are as listen until bound
  double loss = 0;                  // share of datagrams
  Duration duration{};              // 0 = until a signal
  bool json = false;
};

// A command, or the exit code where all is said (help, usage error).
using CommandLine = std::variant<CallCommand, ServeCommand, int>;

[[nodiscard]] CommandLine parse_command_line(const std::vector<std::string>& arguments,
                                             std::ostream& out, std::ostream& errors);

}  // namespace siplb::load
