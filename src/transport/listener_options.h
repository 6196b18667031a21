// A listener as configured: where we listen, who may speak there, and what we call ourselves.
#pragma once

#include <cstdint>
#include <string>

#include "base/address.h"
#include "transport/flow.h"

namespace siplb::transport {

enum class ListenerRole : uint8_t { Clients, Servers, Both };

struct ListenerOptions {
  std::string name;     // [A-Za-z0-9_-]{1,32}, unique
  SockAddress address;  // port 0: any free port, the same for all lanes
  ListenerRole role = ListenerRole::Clients;
  // "host:port" or "host" that others reach us by; empty: the bound address. Kept as written,
  // IPv6 hosts in brackets.
  std::string advertise;
};

}  // namespace siplb::transport
