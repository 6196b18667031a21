// A set of UDP sockets and their loop: what a generator or the simulated servers run on.
//
// Thread: one. Bounds: LaneSockets' and MessageSlots' limits; no heap after start().
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "net/datagram_batch.h"
#include "net/event_loop.h"
#include "transport/lane_sockets.h"
#include "transport/message_slots.h"

namespace siplb::load {

class UdpLane {
 public:
  // Binds one socket per address, in order: the wire's listener n is addresses[n]. Port 0: any.
  // Requires: at most 64 addresses.
  [[nodiscard]] static Result<std::unique_ptr<UdpLane>> open(
      const std::vector<SockAddress>& addresses);

  // As bound, in the order of open().
  [[nodiscard]] const std::vector<SockAddress>& addresses() const { return addresses_; }
  [[nodiscard]] transport::Wire& wire() { return *sockets_; }
  [[nodiscard]] net::EventLoop& loop() { return *loop_; }

  // Begins to read. The receiver is borrowed for the rest of this object's life.
  [[nodiscard]] Result<void> start(transport::Receiver& receiver);

  // One tick: sleeps until something arrives or `deadline`, gives what arrived to the receiver,
  // lets `engine` run its timers, and sends. Returns the tick's time.
  template <class Engine>
  Instant tick(Engine& engine, std::optional<Instant> deadline) {
    const Instant now = loop_->wait(deadline);
    loop_->dispatch(now);
    engine.on_tick(now);
    sockets_->flush();
    sockets_->sample_kernel_queues(now);
    return now;
  }

  // Datagrams that the kernel dropped because we did not read them in time.
  [[nodiscard]] uint64_t kernel_drops() const;

 private:
  UdpLane() = default;

  std::vector<SockAddress> addresses_;
  std::unique_ptr<net::EventLoop> loop_;
  std::unique_ptr<net::DatagramBatch> batch_;
  std::unique_ptr<transport::MessageSlots> slots_;
  std::unique_ptr<transport::LaneSockets> sockets_;
};

}  // namespace siplb::load
