// The line that `systemctl status` shows of siplbd: how many servers are up, how busy they are.
//
//   serving: 12 of 12 servers up, 345 calls, 1234 messages/s, self-probe 1 ms
//
// Pure: the numbers and the time come from outside. Thread: one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "observe/vitals.h"

namespace siplb::app {

class StatusLine {
 public:
  // Lines are at least this far apart.
  static constexpr Duration kInterval = std::chrono::seconds(1);

  // The line, unless it is too early for another one or nothing has changed. `state` is how it
  // begins, "serving".
  [[nodiscard]] std::optional<std::string> next(std::string_view state,
                                                const observe::Vitals& vitals, Instant now);

 private:
  std::string said_;
  std::optional<Instant> counted_at_;
  uint64_t messages_ = 0;  // by then
};

}  // namespace siplb::app
