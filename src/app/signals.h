// Signals, taken as values: blocked in every thread, read by the supervisor.
//
// Thread: one, the supervisor, before any other starts.
#pragma once

#include "base/result.h"
#include "net/file_descriptor.h"

namespace siplb::app {

enum class Signal : uint8_t { Terminate, Reload };

class Signals {
 public:
  // Blocks SIGTERM, SIGINT and SIGHUP in this thread, and so in all that it starts; ignores
  // SIGPIPE.
  [[nodiscard]] static Result<Signals> block();

  // Sleeps until one arrives.
  [[nodiscard]] Signal wait() const;

 private:
  explicit Signals(net::FileDescriptor fd) : fd_(std::move(fd)) {}
  net::FileDescriptor fd_;
};

}  // namespace siplb::app
