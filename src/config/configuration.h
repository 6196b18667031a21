// The configuration, read and checked: what the rest of siplb is built from.
//
// Plain values. Options of a part stand beside that part; here is what belongs to none of them.
// A Configuration from a LoadResult without faults holds every promise of these comments.
// Thread: any, immutable once loaded.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "balance/options.h"
#include "base/address.h"
#include "base/time.h"
#include "proxy/route_options.h"
#include "transaction/timers.h"
#include "transport/listener_options.h"
#include "transport/stream_options.h"

namespace siplb::config {

inline constexpr size_t kWorkersMax = 64;
inline constexpr size_t kLanesMax = 64;
inline constexpr size_t kOwnNamesMax = 64;
inline constexpr size_t kNameserversMax = 3;          // as many as /etc/resolv.conf can have
inline constexpr uint32_t kRouteRateMax = 1'000'000;  // requests a second
inline constexpr size_t kKiB = 1024;
inline constexpr size_t kMiB = 1024 * kKiB;
inline constexpr size_t kGiB = 1024 * kMiB;
inline constexpr size_t kMemoryBytesMin = 64 * kMiB;
inline constexpr size_t kMemoryBytesMax = 1024 * kGiB;
inline constexpr size_t kCallsMin = 1024;
inline constexpr size_t kCallsMax = size_t{1} << 30;
inline constexpr size_t kTransactionsMin = 1024;
inline constexpr size_t kTransactionsMax = size_t{1} << 24;
inline constexpr size_t kConnectionsMin = 16;
inline constexpr size_t kConnectionsStandard = 20'000;
inline constexpr size_t kConnectionsMax = 1'000'000;

enum class LogLevel : uint8_t { Debug, Info, Warning, Error };
enum class LogFormat : uint8_t { Auto, Text, Json };

struct LogOptions {
  LogLevel level = LogLevel::Info;
  LogFormat format = LogFormat::Auto;  // what suits where standard error leads
  bool calls = false;                  // a line for each INVITE that is answered
  bool operator==(const LogOptions&) const = default;
};

struct GlobalOptions {
  size_t workers = 0;  // 1 to kWorkersMax; 0: as many as the machine has use for
  size_t lanes = 0;    // a power of two, at least `workers`; 0: from the number of workers
  size_t memory_bytes = 512 * kMiB;
  std::string key_file;  // absolute; empty: see key_file() in derive.h
  // Hosts that are us besides what is advertised; at most kOwnNamesMax.
  std::vector<std::string> names;
  // Whom to ask for the servers that have names; none: as /etc/resolv.conf says.
  std::vector<SockAddress> nameservers;
  std::chrono::days token_life{60};
  std::chrono::milliseconds shutdown_grace{500};
  std::chrono::milliseconds self_probe{1000};  // how often we ask our own listeners; 0: never
  LogOptions log;
  bool operator==(const GlobalOptions&) const = default;
};

struct LimitOptions {
  size_t message_bytes = 65535;
  size_t headers = 128;
  size_t calls = 0;         // 0: what global.memory has room for
  size_t transactions = 0;  // under way at once, of all lanes; 0: what global.memory has room for
  size_t socket_receive_bytes = 8 * kMiB;
  // Places for servers, in all groups together, so that some may be added while siplb runs; 0: more
  // than twice as many as are configured.
  size_t servers = 0;
  std::chrono::milliseconds call_expiry = std::chrono::hours(4);
  // Accepted ones, of all lanes; 0: kConnectionsStandard, or what global.memory has room for.
  size_t connections = 0;
  size_t connections_per_source = 1000;  // of one address, or of one /64
  size_t connection_queue = 256;         // messages that wait for one connection
  size_t connection_queue_bytes = 256 * kKiB;
  bool operator==(const LimitOptions&) const = default;
};

struct MetricsOptions {
  std::optional<SockAddress> address = SockAddress::v4(0x7f000001, 9095);  // nothing: off
  bool operator==(const MetricsOptions&) const = default;
};

// Both paths are absolute; see admin_sockets() in derive.h.
struct AdminOptions {
  std::optional<std::string> socket;
  std::optional<std::string> read_socket;
  bool operator==(const AdminOptions&) const = default;
};

struct Configuration {
  GlobalOptions global;
  std::vector<transport::ListenerOptions> listeners;  // 1 to transport::kListenersMax
  std::vector<balance::GroupOptions> groups;          // 1 to balance::kGroupsMax
  // First match wins. 1 to proxy::kRoutesMax: a file with one group and no routes gets the route to
  // that group.
  std::vector<proxy::RouteOptions> routes;
  LimitOptions limits;
  transaction::TimerOptions timers;
  transport::StreamTimers stream_timers;
  MetricsOptions metrics;
  AdminOptions admin;
};

}  // namespace siplb::config
