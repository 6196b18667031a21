// A lane of UDP sockets, one per address.
//
// Thread: one. Bounds: LaneSockets' and MessageSlots' limits; no heap after start().
#pragma once

#include <memory>
#include <vector>

#include "load/lane.h"
#include "net/datagram_batch.h"
#include "transport/lane_sockets.h"
#include "transport/message_slots.h"

namespace siplb::load {

class UdpLane final : public Lane {
 public:
  // Binds one socket per address. Port 0: any. Requires: at most 64 addresses.
  [[nodiscard]] static Result<std::unique_ptr<UdpLane>> open(
      const std::vector<SockAddress>& addresses);

  [[nodiscard]] transport::Wire& wire() override { return *sockets_; }
  [[nodiscard]] Result<void> start(transport::Receiver& receiver) override;
  [[nodiscard]] uint64_t kernel_drops() const override;

 private:
  explicit UdpLane(std::unique_ptr<net::EventLoop> loop) : Lane(std::move(loop)) {}
  void flush(Instant now) override;

  std::unique_ptr<net::DatagramBatch> batch_;
  std::unique_ptr<transport::MessageSlots> slots_;
  std::unique_ptr<transport::LaneSockets> sockets_;
};

}  // namespace siplb::load
