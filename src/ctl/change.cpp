#include "ctl/change.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <ostream>
#include <thread>

#include "ctl/ask.h"
#include "ctl/tables.h"
#include "ctl/view_tables.h"

namespace siplb::ctl {
namespace {

constexpr uint32_t kWeightMax = 1000;
// How often who waits for the last call looks.
constexpr std::chrono::milliseconds kDrainPeriod{250};

// {"state":"drain"}; nothing where that is no state. Nothing in it needs an escape.
std::optional<std::string> state_member(const std::string& state) {
  static constexpr std::array<const char*, 3> kStates = {"ready", "drain", "maint"};
  const bool is_state = std::find(kStates.begin(), kStates.end(), state) != kStates.end();
  return is_state ? std::optional(R"("state":")" + state + '"') : std::nullopt;
}

std::optional<std::string> weight_member(const std::string& text) {
  uint32_t weight = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, weight);
  const bool is_weight = read.ec == std::errc{} && read.ptr == end && weight <= kWeightMax;
  return is_weight ? std::optional(R"("weight":)" + std::to_string(weight)) : std::nullopt;
}

// Prints how many calls are left each time it is another number, until none is.
int wait_for_calls(const Command& command, const Streams& streams, std::string said) {
  for (;;) {
    const Asked asked = ask(command, streams, "/v1/drain");
    const auto* body = std::get_if<std::string>(&asked);
    if (body == nullptr) return *std::get_if<int>(&asked);
    const DrainState state = drain_state(*body);
    if (!state.is_draining) {
      streams.errors << "siplbctl: somebody has ended the draining\n";
      return kExitRefused;
    }
    if (*body != said) static_cast<void>(print(command, streams, asked, drain_line));
    streams.out << std::flush;
    if (state.calls == 0) return kExitDone;
    said = *body;
    std::this_thread::sleep_for(kDrainPeriod);
  }
}

}  // namespace

int set_server(const Command& command, const Streams& streams) {
  const std::string value = command.value("value");
  const bool is_state = command.value("what") == "state";
  const auto member = is_state ? state_member(value) : weight_member(value);
  if (!member) {
    return usage_fault(streams, is_state
                                    ? "a state is ready, drain or maint, not '" + value + "'"
                                    : "a weight is a number from 0 to 1000, not '" + value + "'");
  }
  const std::string force = command.has("--force") ? R"(,"force":true)" : "";
  const Change change{.path = "/v1/servers/" + command.value("server"),
                      .body = '{' + *member + force + '}'};
  return print(command, streams, ask(command, streams, change), change_line);
}

int drain(const Command& command, const Streams& streams) {
  const bool is_end = command.has("--cancel");
  if (is_end && command.has("--wait")) {
    return usage_fault(streams, "--cancel leaves nothing to wait for");
  }
  const Change change{.path = "/v1/drain",
                      .body = is_end ? R"({"drain":false})" : R"({"drain":true})"};
  const Asked asked = ask(command, streams, change);
  const int code = print(command, streams, asked, drain_line);
  if (code != kExitDone || !command.has("--wait")) return code;
  streams.out << std::flush;
  return wait_for_calls(command, streams, *std::get_if<std::string>(&asked));
}

int reload(const Command& command, const Streams& streams) {
  const bool is_reset = command.has("--state");
  const Change change{.path = "/v1/reload", .body = is_reset ? R"({"state":"reset"})" : "{}"};
  return print(command, streams, ask(command, streams, change), reload_text);
}

}  // namespace siplb::ctl
