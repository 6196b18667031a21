// A path that loses a share of what goes over it, on purpose: in front of a wire and of a receiver.
//
// Thread: one. Bounds: constant size, no heap.
#pragma once

#include <cstdint>

#include "load/faults.h"
#include "transport/wire.h"

namespace siplb::load {

class LossyWire final : public transport::Wire {
 public:
  // `wire` is borrowed for the object's life.
  LossyWire(transport::Wire& wire, double share, uint64_t seed)
      : wire_(wire), share_(share), dice_(seed) {}

  // What is lost counts as Queued: whoever sends over UDP never learns more.
  transport::SendStatus send(const transport::Flow& flow,
                             std::span<const std::string_view> pieces) override;
  [[nodiscard]] uint64_t lost() const { return lost_; }

 private:
  transport::Wire& wire_;
  const double share_;
  Dice dice_;
  uint64_t lost_ = 0;
};

class LossyReceiver final : public transport::Receiver {
 public:
  // `receiver` is borrowed for the object's life.
  LossyReceiver(transport::Receiver& receiver, double share, uint64_t seed)
      : receiver_(receiver), share_(share), dice_(seed) {}

  void on_batch(std::span<transport::Inbound> batch, Instant now) override;
  void on_disconnected(const transport::Flow& connection, uint64_t lanes) override {
    receiver_.on_disconnected(connection, lanes);
  }
  [[nodiscard]] uint64_t lost() const { return lost_; }

 private:
  transport::Receiver& receiver_;
  const double share_;
  Dice dice_;
  uint64_t lost_ = 0;
};

}  // namespace siplb::load
