#include "transport/connection_census.h"

#include "base/assert.h"

namespace siplb::transport {

ConnectionCensus::ConnectionCensus(const ConnectionCensusOptions& options)
    : options_(options),
      accepted_by_source_(options.seed),
      unfinished_by_source_(options.seed),
      large_by_source_(options.seed),
      living_(options.lanes * options.channels) {}

size_t ConnectionCensus::memory_octets(const ConnectionCensusOptions& options) {
  return 3 * SourceCounts::memory_octets() +
         options.lanes * options.channels * sizeof(std::atomic<uint64_t>);
}

// The source comes first, so that one that is refused for itself never takes, not for a moment, the
// last place from others.
Admission ConnectionCensus::admit(const SockAddress& source) {
  if (!accepted_by_source_.try_add(source, options_.connections_per_source)) {
    return Admission::SourceFull;
  }
  if (accepted_.fetch_add(1, std::memory_order_relaxed) < options_.connections_max) {
    return Admission::Admitted;
  }
  leave(source);
  return Admission::Full;
}

void ConnectionCensus::leave(const SockAddress& source) {
  accepted_.fetch_sub(1, std::memory_order_relaxed);
  accepted_by_source_.subtract(source);
}

bool ConnectionCensus::admit_unfinished(const SockAddress& source) {
  return unfinished_by_source_.try_add(source, options_.unfinished_per_source);
}

void ConnectionCensus::leave_unfinished(const SockAddress& source) {
  unfinished_by_source_.subtract(source);
}

bool ConnectionCensus::admit_large(const SockAddress& source) {
  return large_by_source_.try_add(source, kLargePerSource);
}

void ConnectionCensus::leave_large(const SockAddress& source) {
  large_by_source_.subtract(source);
}

void ConnectionCensus::set_alive(ConnectionId id) {
  SIPLB_ASSERT(has_place(id));
  living_[place_of(id)].store(id.number(), std::memory_order_relaxed);
}

void ConnectionCensus::set_ended(ConnectionId id) {
  SIPLB_ASSERT(is_alive(id));
  living_[place_of(id)].store(0, std::memory_order_relaxed);
}

bool ConnectionCensus::is_alive(ConnectionId id) const {
  return has_place(id) && living_[place_of(id)].load(std::memory_order_relaxed) == id.number();
}

bool ConnectionCensus::has_place(ConnectionId id) const {
  return !id.is_none() && id.lane() < options_.lanes && id.slot() < options_.channels;
}

size_t ConnectionCensus::place_of(ConnectionId id) const {
  return id.lane() * options_.channels + id.slot();
}

}  // namespace siplb::transport
