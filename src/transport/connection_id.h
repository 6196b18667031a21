// Names one connection of this process: on which lane it lives, in which slot, and which use of
// that slot it is.
//
// A connection that ended is never meant by the name of a later one: the generation grows with each
// use of a slot. The number is what a seal keeps of it (sip/seal.h).
// Thread: any, values. Bounds: 8 octets.
#pragma once

#include <cstdint>

namespace siplb::transport {

class ConnectionId {
 public:
  static constexpr uint32_t kSlotsMax = 1U << 23;  // per lane

  ConnectionId() = default;
  struct Parts {
    uint8_t lane = 0;
    bool is_outbound = false;  // opened by us
    uint32_t slot = 0;         // below kSlotsMax
    uint32_t generation = 0;   // 0: no connection
  };
  explicit ConnectionId(const Parts& parts)
      : place_(uint32_t{parts.lane} << 24 | (parts.is_outbound ? kSlotsMax : 0) | parts.slot),
        generation_(parts.generation) {}

  [[nodiscard]] static ConnectionId from_number(uint64_t number) {
    ConnectionId id;
    id.place_ = static_cast<uint32_t>(number >> 32);
    id.generation_ = static_cast<uint32_t>(number);
    return id;
  }
  [[nodiscard]] uint64_t number() const { return uint64_t{place_} << 32 | generation_; }

  [[nodiscard]] bool is_none() const { return generation_ == 0; }
  [[nodiscard]] bool is_outbound() const { return (place_ & kSlotsMax) != 0; }
  [[nodiscard]] uint8_t lane() const { return static_cast<uint8_t>(place_ >> 24); }
  [[nodiscard]] uint32_t slot() const { return place_ & (kSlotsMax - 1); }
  [[nodiscard]] uint32_t generation() const { return generation_; }
  bool operator==(const ConnectionId&) const = default;

 private:
  uint32_t place_ = 0;
  uint32_t generation_ = 0;
};

}  // namespace siplb::transport
