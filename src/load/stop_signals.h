// SIGINT and SIGTERM as events of the loop instead of interruptions.
//
// Thread: one, which must be the only one (or the first) when this is made: threads inherit the
// blocked signals.
#pragma once

#include <memory>

#include "base/result.h"
#include "net/event_loop.h"

namespace siplb::load {

class StopSignals final : public net::Watched {
 public:
  // Blocks the two signals and watches for them. `loop` is borrowed for the object's life.
  [[nodiscard]] static Result<std::unique_ptr<StopSignals>> watch(net::EventLoop& loop);
  ~StopSignals() override;

  // How many have come so far.
  [[nodiscard]] unsigned count() const { return count_; }

  [[nodiscard]] net::Events on_ready(net::Events events, Instant now) override;

 private:
  StopSignals(net::EventLoop& loop, net::FileDescriptor fd) : loop_(loop), fd_(std::move(fd)) {}

  net::EventLoop& loop_;
  net::FileDescriptor fd_;
  unsigned count_ = 0;
};

}  // namespace siplb::load
