// A listener as configured: where we listen, who may speak there, and what we call ourselves.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/network.h"
#include "transport/flow.h"

namespace siplb::transport {

enum class ListenerRole : uint8_t { Clients, Servers, Both };
[[nodiscard]] constexpr std::string_view name(ListenerRole role) {
  switch (role) {
    case ListenerRole::Clients: return "clients";
    case ListenerRole::Servers: return "servers";
    case ListenerRole::Both: break;
  }
  return "both";
}

inline constexpr size_t kAdvertisedMax = 16;  // names of one listener
inline constexpr size_t kNetworksMax = 64;    // in one list
inline constexpr size_t kHeadersRemovedMax = 32;

// A name that others reach us by.
struct Advertised {
  std::vector<Network> to;  // who knows us by it; empty: everybody
  std::string as;           // "host:port" or "host", as written; IPv6 hosts in brackets
  bool operator==(const Advertised&) const = default;
};

// What becomes of the headers that a client sends.
struct HeaderPolicy {
  // Names, in long form, of headers that are taken out of what clients send; one that ends in '*'
  // stands for all that begin so. None that siplb reads itself.
  std::vector<std::string> remove;
  // The name of a header that tells servers where a request of a client came from; taken out of
  // what clients send. Empty: none.
  std::string source;
  bool operator==(const HeaderPolicy&) const = default;
};

struct ListenerOptions {
  std::string name;     // [A-Za-z0-9_-]{1,32}, unique
  SockAddress address;  // may be a wildcard; port 0: any free port, the same for all lanes
  // Each once. At least one; none of a listener that has left the configuration since siplb
  // started: what it was called counts on for connections that came by it.
  std::vector<sip::Transport> transports = {sip::Transport::Udp};
  ListenerRole role = ListenerRole::Clients;
  // The first that fits a remote end counts; none fits: the bound address. With a wildcard address
  // the last one is for everybody.
  std::vector<Advertised> advertise;
  HeaderPolicy headers;
  bool stun = false;  // answers STUN binding requests on UDP (RFC 5389; RFC 5626, 4.4.2)

  [[nodiscard]] bool has_left() const { return transports.empty(); }
  [[nodiscard]] bool has(sip::Transport transport) const {
    return std::find(transports.begin(), transports.end(), transport) != transports.end();
  }
  bool operator==(const ListenerOptions&) const = default;
};

}  // namespace siplb::transport
