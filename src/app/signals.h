// Signals, taken as values: blocked in every thread, read by the supervisor.
//
// Thread: one, the supervisor, before any other starts.
#pragma once

#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "net/file_descriptor.h"

namespace siplb::app {

enum class Signal : uint8_t { Terminate, Reload };

class Signals {
 public:
  // Blocks SIGTERM, SIGINT and SIGHUP in this thread, and so in all that it starts. Ignores SIGPIPE
  // and SIGXFSZ: who writes is told as well.
  [[nodiscard]] static Result<Signals> block();

  // Sleeps until one arrives, or until `deadline` (none: no limit), which gives nothing.
  [[nodiscard]] std::optional<Signal> wait(std::optional<Instant> deadline = std::nullopt) const;

 private:
  explicit Signals(net::FileDescriptor fd) : fd_(std::move(fd)) {}
  net::FileDescriptor fd_;
};

}  // namespace siplb::app
