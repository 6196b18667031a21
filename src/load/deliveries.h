// What reached the servers of this process, taken together: what came again, and what came twice.
//
// A retransmission has the branch of its request and arrives at the same server. The same request
// in a transaction of its own is a second delivery: its sender does not know that it was sent
// before. Both are found by hashes of what names a transaction and a request (RFC 3261, 17.2.3),
// kept in a ring.
// Thread: one. Bounds: entries_max hashes, at most three for a request; the oldest is forgotten, so
// the counts are floors; no heap after construction.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "sip/message.h"

namespace siplb::load {

using MethodCounts = std::array<uint64_t, static_cast<size_t>(sip::Method::kCount)>;

struct DeliveryTotals {
  // INVITEs that differ in more than the last character of their branch, which tells the attempts
  // of one proxy apart.
  uint64_t distinct_invites = 0;
  uint64_t calls_seen_twice = 0;   // Call-IDs that more than one server rang for
  MethodCounts delivered_twice{};  // second and further deliveries, but of INVITE, ACK, CANCEL
};

enum class [[nodiscard]] Delivery : uint8_t{First, Retransmission};

class Deliveries {
 public:
  // Requires: entries_max > 0.
  explicit Deliveries(uint32_t entries_max);

  Delivery on_request(const sip::Message& request, size_t server);
  // `call` is call_of() its INVITE.
  void on_ringing(uint64_t call, size_t server);

  // One number for all that has this Call-ID.
  [[nodiscard]] static uint64_t call_of(const sip::Message& request);
  // One number for an INVITE, its CANCEL and its ACK to a non-2xx, at one server.
  [[nodiscard]] static uint64_t transaction_of(const sip::Message& request);

  [[nodiscard]] const DeliveryTotals& totals() const { return totals_; }

 private:
  struct Entry {
    uint64_t key = 0;
    uint32_t next = 0;  // in its chain
    uint32_t value = 0;
  };
  static constexpr uint32_t kNone = UINT32_MAX;

  [[nodiscard]] uint32_t& chain_of(uint64_t key);
  [[nodiscard]] Entry* find(uint64_t key);
  // In the place of the oldest. Requires: find(key) is null.
  void add(uint64_t key, uint32_t value);
  // True where the key is new.
  [[nodiscard]] bool note(uint64_t key);

  DeliveryTotals totals_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> chains_;  // a power of two of them
  size_t size_ = 0;
  uint32_t next_ = 0;  // where the next one goes
};

}  // namespace siplb::load
