#include "transport/connection_census.h"

#include <array>

#include "base/assert.h"

namespace siplb::transport {
namespace {

// No IPv6 address of a host begins so: it would be a group's.
constexpr uint64_t kV4 = uint64_t{0xffffffff} << 32;

// An IPv4 address, or the /64 of an IPv6 address, which is what one subscriber gets.
uint64_t number_of(const SockAddress& source) {
  uint64_t number = 0;
  for (const char octet : source.ip_octets().substr(0, sizeof number)) {
    number = number << 8 | static_cast<uint8_t>(octet);
  }
  return source.is_v4() ? kV4 | number : number;
}

SockAddress source_of(uint64_t number) {
  if ((number & kV4) == kV4) return SockAddress::v4(static_cast<uint32_t>(number), 0);
  std::array<uint8_t, 16> ip{};
  for (size_t i = 0; i < sizeof number; ++i) ip[i] = static_cast<uint8_t>(number >> (56 - 8 * i));
  return SockAddress::v6(ip, 0);
}

}  // namespace

ConnectionCensus::ConnectionCensus(const ConnectionCensusOptions& options)
    : options_(options),
      accepted_by_source_(options.seed),
      unfinished_by_source_(options.seed),
      large_by_source_(options.seed),
      places_(options.lanes * options.channels) {}

size_t ConnectionCensus::memory_octets(const ConnectionCensusOptions& options) {
  return 3 * SourceCounts::memory_octets() + options.lanes * options.channels * sizeof(Place);
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

void ConnectionCensus::set_alive(const Flow& flow) {
  SIPLB_ASSERT(has_place(flow.connection));
  Place& place = places_[place_of(flow.connection)];
  place.source.store(number_of(flow.remote), std::memory_order_relaxed);
  place.listener.store(flow.listener, std::memory_order_relaxed);
  place.number.store(flow.connection.number(), std::memory_order_release);
}

void ConnectionCensus::set_ended(ConnectionId id) {
  SIPLB_ASSERT(is_alive(id));
  places_[place_of(id)].number.store(0, std::memory_order_relaxed);
}

bool ConnectionCensus::is_alive(ConnectionId id) const {
  return has_place(id) &&
         places_[place_of(id)].number.load(std::memory_order_relaxed) == id.number();
}

void ConnectionCensus::for_each_living(const std::function<void(const Living&)>& show) const {
  for (const Place& place : places_) {
    const uint64_t number = place.number.load(std::memory_order_acquire);
    if (number == 0) continue;
    show({.id = ConnectionId::from_number(number),
          .listener = place.listener.load(std::memory_order_relaxed),
          .source = source_of(place.source.load(std::memory_order_relaxed))});
  }
}

bool ConnectionCensus::has_place(ConnectionId id) const {
  return !id.is_none() && id.lane() < options_.lanes && id.slot() < options_.channels;
}

size_t ConnectionCensus::place_of(ConnectionId id) const {
  return id.lane() * options_.channels + id.slot();
}

}  // namespace siplb::transport
