// Groups and servers as configured.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "balance/health_options.h"
#include "base/address.h"
#include "base/network.h"
#include "sip/method.h"

namespace siplb::balance {

inline constexpr size_t kGroupsMax = 64;
inline constexpr size_t kServersMax = 4096;  // in all groups together
inline constexpr size_t kPlacesPerName = 8;  // servers that one host name can stand for
inline constexpr uint32_t kWeightMax = 1000;
inline constexpr size_t kSourcesMax = 1024;  // networks of servers, in all groups together
inline constexpr size_t kTargetsMax = 64;    // networks of a group's targets

enum class Policy : uint8_t { Maglev, RoundRobin, Random, LeastLoad, LeastCalls };

inline constexpr uint32_t kCallsOfServerMax = 1'000'000;     // bound of max_calls
inline constexpr uint32_t kInflightOfServerMax = 1'000'000;  // bound of max_inflight

enum class HashKeyKind : uint8_t {
  Default,  // call-id, but to-user for REGISTER, SUBSCRIBE and PUBLISH
  CallId,
  FromUser,
  ToUser,
  RequestUser,
  SourceIp,
  HeaderValue,
};

struct HashKeyOptions {
  HashKeyKind kind = HashKeyKind::Default;
  std::string header;  // name, with HashKeyKind::HeaderValue
  bool operator==(const HashKeyOptions&) const = default;
};

struct ServerOptions {
  std::string name;                                // unique in its group
  SockAddress address;                             // from its uri; none where that has a name
  std::string host;                                // the name in lower case; empty: an address
  bool has_port = false;                           // with a name: else SRV records are asked first
  uint16_t port = 0;                               // with a name and has_port
  sip::Transport transport = sip::Transport::Udp;  // that it is reached by
  // With Udp: TCP as well, for requests that are too long for a datagram (RFC 3261, 18.1.1).
  bool takes_tcp = false;
  uint32_t weight = 100;      // 0 to kWeightMax; 0: no new work
  uint8_t priority = 0;       // its tier: lower is first
  uint32_t max_calls = 0;     // at once, reserved ones among them; 0: no limit
  uint32_t max_inflight = 0;  // requests without a final answer; 0: no limit
  HealthOptions health;       // its group's, but for what it says itself
  // Who else is this server, on listeners that admit servers, besides its own address and port.
  std::vector<Network> sources;
  bool operator==(const ServerOptions&) const = default;
};

// How many servers it is: each address that a name leads to is one of its own.
[[nodiscard]] inline size_t place_count(const ServerOptions& server) {
  return server.host.empty() ? 1 : kPlacesPerName;
}

inline constexpr uint8_t kAttemptsMax = 4;  // bound of max_attempts
inline constexpr size_t kFailoverCodesMax = 16;

// A 2xx of an attempt that was given up, when another attempt has answered 2xx already.
enum class Late2xx : uint8_t {
  Forward,  // passed on: the caller ends what it does not want (RFC 3261, 13.2.2.4)
  Release,  // acknowledged and ended by us
};

// When a request goes to another server (SIP.md 6).
struct FailoverOptions {
  std::chrono::milliseconds first_response_timeout = std::chrono::seconds(1);
  uint8_t max_attempts = 3;             // servers tried in all, 1 to kAttemptsMax
  std::vector<uint16_t> codes = {503};  // 300 to 699, at most kFailoverCodesMax
  uint8_t budget_percent = 20;          // of requests that may be retries; 0 to 100
  Late2xx late_2xx = Late2xx::Forward;
  bool operator==(const FailoverOptions&) const = default;
};

struct GroupOptions {
  std::string name;  // unique
  Policy policy = Policy::Maglev;
  HashKeyOptions hash_key;
  bool record_route = true;
  bool tokenless_dialogs = true;
  FailoverOptions failover;
  HealthOptions health;  // of its servers, but for what they say themselves
  std::chrono::milliseconds slow_start = std::chrono::seconds(10);  // after a recovery; 0: none
  // Percent of its servers' weight that is up: at or below it health is ignored. 0: none is up.
  uint8_t panic_below = 0;
  // The listener that we send from, by its position; nothing: one that reaches the server.
  std::optional<uint8_t> listener;
  // Where dialogs of this group may live besides the addresses of its servers.
  std::vector<Network> targets;
  std::vector<ServerOptions> servers;  // at least one with a weight above 0
  bool operator==(const GroupOptions&) const = default;
};

[[nodiscard]] inline size_t place_count(const GroupOptions& group) {
  size_t count = 0;
  for (const ServerOptions& server : group.servers) count += place_count(server);
  return count;
}
[[nodiscard]] inline size_t place_count(std::span<const GroupOptions> groups) {
  size_t count = 0;
  for (const GroupOptions& group : groups) count += place_count(group);
  return count;
}

}  // namespace siplb::balance
