// A route as configured: which new requests it takes, and what becomes of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "balance/topology.h"
#include "sip/method.h"
#include "transport/flow.h"

namespace siplb::proxy {

inline constexpr size_t kRoutesMax = 256;

enum class RouteAction : uint8_t { Group, Drop, Reject };

struct RouteOptions {
  std::string name;
  // What must hold, each for itself; the defaults hold for everything.
  uint32_t methods = UINT32_MAX;    // bit per sip::Method
  uint16_t listeners = UINT16_MAX;  // bit per listener
  uint8_t transports = UINT8_MAX;   // bit per sip::Transport
  // Requests from servers meet only routes that name one of their groups, all others only those
  // that name none.
  std::optional<balance::GroupIndex> from_group;

  RouteAction action = RouteAction::Group;
  balance::GroupIndex group = 0;  // with RouteAction::Group
  uint16_t reject_code = 0;       // with RouteAction::Reject: 400 to 699
  std::string reject_reason;      // empty: the registered phrase
};
static_assert(static_cast<size_t>(sip::Method::kCount) <= 32);
static_assert(transport::kListenersMax <= 16);

}  // namespace siplb::proxy
