// What a generator or the simulated servers run on: sockets at some addresses, and their loop.
//
// Thread: one. Bounds: see the lanes themselves.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "net/event_loop.h"
#include "transport/wire.h"

namespace siplb::load {

[[nodiscard]] inline std::optional<Instant> earlier(std::optional<Instant> a,
                                                    std::optional<Instant> b) {
  if (a && b) return std::min(*a, *b);
  return a ? a : b;
}

// Of streams; all zero where there are none.
struct ConnectionCounts {
  uint64_t opened = 0;
  uint64_t accepted = 0;
  uint64_t refused = 0;  // could not be opened
  uint64_t lost = 0;     // closed or reset by the other end
  uint64_t garbled = 0;  // closed by us: what came by it is no row of SIP messages
  uint64_t reset = 0;    // by us, as was asked for
};

class Lane {
 public:
  virtual ~Lane() = default;
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  // As bound, in the order of opening: the wire's listener n is addresses()[n].
  [[nodiscard]] const std::vector<SockAddress>& addresses() const { return addresses_; }
  [[nodiscard]] net::EventLoop& loop() { return *loop_; }
  [[nodiscard]] virtual transport::Wire& wire() = 0;

  // Begins to read. The receiver is borrowed for the rest of this object's life.
  [[nodiscard]] virtual Result<void> start(transport::Receiver& receiver) = 0;

  // One tick: sleeps until something arrives or `deadline`, gives what arrived to the receiver,
  // lets `engine` run its timers, and sends. Returns the tick's time.
  template <class Engine>
  Instant tick(Engine& engine, std::optional<Instant> deadline) {
    const Instant now = loop_->wait(earlier(deadline, next_deadline()));
    loop_->dispatch(now);
    engine.on_tick(now);
    flush(now);
    return now;
  }

  // Datagrams that the kernel dropped because we did not read them in time.
  [[nodiscard]] virtual uint64_t kernel_drops() const { return 0; }
  [[nodiscard]] virtual ConnectionCounts connections() const { return {}; }

 protected:
  explicit Lane(std::unique_ptr<net::EventLoop> loop) : loop_(std::move(loop)) {}

  // The end of a tick.
  virtual void flush(Instant now) = 0;
  // When the lane itself has something to do.
  [[nodiscard]] virtual std::optional<Instant> next_deadline() const { return std::nullopt; }

  std::vector<SockAddress> addresses_;
  std::unique_ptr<net::EventLoop> loop_;
};

}  // namespace siplb::load
