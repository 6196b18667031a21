#include "transport/source_counts.h"

#include <algorithm>

#include "base/hash.h"

namespace siplb::transport {
namespace {

constexpr size_t kSubscriberOctets = 8;  // of an IPv6 address: a /64

}  // namespace

bool SourceCounts::try_add(const SockAddress& source, size_t max) {
  const Pair counters = counters_of(source);
  // First take, then look, in this order: of all that hold one, whoever took from the second
  // counter last sees everybody else's in both. So it can't be one too many.
  ++counters.first;
  const uint32_t in_second = ++counters.second;
  if (std::min(in_second, counters.first.load()) <= max) return true;
  subtract(source);
  return false;
}

void SourceCounts::subtract(const SockAddress& source) {
  const Pair counters = counters_of(source);
  --counters.first;
  --counters.second;
}

SourceCounts::Pair SourceCounts::counters_of(const SockAddress& source) {
  const uint64_t hash = hash_octets(source.ip_octets().substr(0, kSubscriberOctets), seed_);
  const size_t in_first = hash % kRowLength;
  const size_t in_second = (hash >> 32) % kRowLength;
  return {counters_[in_first], counters_[kRowLength + in_second]};
}

}  // namespace siplb::transport
