// A route as configured: which new requests it takes, and what becomes of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "balance/topology.h"
#include "base/network.h"
#include "sip/method.h"
#include "transport/flow.h"

namespace siplb::proxy {

inline constexpr size_t kRoutesMax = 256;

inline constexpr size_t kPatternOctetsMax = 256;
inline constexpr size_t kHeaderMatchesMax = 8;  // of one route

enum class RouteAction : uint8_t { Group, Drop, Reject, ForwardByUri };

// Whether a Path is added to a REGISTER (RFC 3327), so that the registrar reaches the client by the
// flow that it registered over.
enum class PathMode : uint8_t {
  Off,
  Auto,  // where the client is behind a NAT or says that it supports it
};

// Exact text, "text*" for all that begins so, or "~expression" in RE2's syntax, found anywhere.
using PatternText = std::string;

struct HeaderMatch {
  std::string name;
  PatternText pattern;  // of the value of one such header
  bool operator==(const HeaderMatch&) const = default;
};

struct RouteOptions {
  std::string name;
  // What must hold, each for itself; the defaults hold for everything.
  uint32_t methods = UINT32_MAX;    // bit per sip::Method
  uint16_t listeners = UINT16_MAX;  // bit per listener
  uint8_t transports = UINT8_MAX;   // bit per sip::Transport
  // Requests from servers meet only routes that name one of their groups, all others only those
  // that name none.
  std::optional<balance::GroupIndex> from_group;
  std::vector<Network> sources;             // empty: any
  std::optional<PatternText> request_user;  // without password, escapes undone
  std::optional<PatternText> request_host;  // without case
  std::vector<HeaderMatch> headers;         // each of them

  RouteAction action = RouteAction::Group;
  balance::GroupIndex group = 0;                    // with RouteAction::Group
  uint16_t reject_code = 0;                         // with RouteAction::Reject: 400 to 699
  std::string reject_reason;                        // empty: the registered phrase
  bool is_stateless = false;                        // with RouteAction::Group, of a hash policy
  PathMode path = PathMode::Off;                    // with RouteAction::Group
  std::optional<balance::HashKeyOptions> hash_key;  // nothing: the group's
  uint32_t rate = 0;  // requests a second, of all workers; 0: as many as come
  bool operator==(const RouteOptions&) const = default;
};
static_assert(static_cast<size_t>(sip::Method::kCount) <= 32);
static_assert(transport::kListenersMax <= 16);

}  // namespace siplb::proxy
