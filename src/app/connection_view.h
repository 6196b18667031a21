// Connections as operators see them: how many there are, by what, and who has most of them.
//
// Thread: any, plain values. Bounds: kSourcesShown sources; to find them, an entry per connection.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "transport/connection_census.h"
#include "transport/lane_streams.h"

namespace siplb::app {

inline constexpr size_t kSourcesShown = 10;
inline constexpr size_t kSourcesAtLimitShown = 100;

using ConnectionCounts =
    std::array<size_t, static_cast<size_t>(transport::Direction::kCount)>;  // by direction

struct SourceView {
  SockAddress source;  // port 0; of IPv6 a /64
  size_t connections = 0;
};

struct ConnectionsView {
  ConnectionCounts all{};
  std::array<ConnectionCounts, transport::kListenersMax> by_listener{};
  std::vector<ConnectionCounts> by_worker;
  std::vector<SourceView> busiest;  // the most first
};
// Requires: worker_count > 0.
[[nodiscard]] ConnectionsView connections_view(const transport::ConnectionCensus& census,
                                               size_t worker_count);

// Who has so many connections that no more are accepted of him; the most first.
[[nodiscard]] std::vector<SourceView> sources_at_limit(const transport::ConnectionCensus& census);

// "192.0.2.1", "2001:db8:1:2::/64"
[[nodiscard]] std::string source_text(const SockAddress& source);

}  // namespace siplb::app
