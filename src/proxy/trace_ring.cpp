#include "proxy/trace_ring.h"

namespace siplb::proxy {

TraceRecord* TraceRing::begin() {
  if (begun_ - head_.load(std::memory_order_acquire) == kCapacity) {
    lost_.add();
    return nullptr;
  }
  TraceRecord& record = records_[begun_++ % kCapacity];
  record = {};
  return &record;
}

void TraceRing::publish() {
  tail_.store(begun_, std::memory_order_release);
}

std::optional<TraceRecord> TraceRing::try_take() {
  const size_t head = head_.load(std::memory_order_relaxed);
  if (head == tail_.load(std::memory_order_acquire)) return std::nullopt;
  const TraceRecord record = records_[head % kCapacity];
  head_.store(head + 1, std::memory_order_release);
  return record;
}

}  // namespace siplb::proxy
