#include "app/usable_addresses.h"

#include <algorithm>
#include <iterator>

#include "net/local_address.h"

namespace siplb::app {
namespace {

using transport::ListenerIndex;

bool leads_to(const proxy::Side& side, const balance::ServerOptions& server,
              SockAddress::Family family) {
  return side.has(family, server.transport) &&
         (!server.takes_tcp || side.has(family, sip::Transport::Tcp));
}

// By the listener that its group asks for, else by any.
bool is_reachable(const NamedServer& of, SockAddress::Family family, const proxy::Sides& sides) {
  if (of.group.listener) return leads_to(sides[*of.group.listener], of.server, family);
  for (size_t i = 0; i < sides.size(); ++i) {
    if (leads_to(sides[static_cast<ListenerIndex>(i)], of.server, family)) return true;
  }
  return false;
}

bool is_under(const proxy::Side& wildcard, const SockAddress& address) {
  return wildcard.bound.is_wildcard() && wildcard.bound.family() == address.family() &&
         wildcard.bound.port() == address.port() &&
         (address.is_loopback() || net::is_on_host(address));
}

bool is_ours(const SockAddress& address, const proxy::Sides& sides) {
  if (sides.is_own_sent_by(address.host_text().view(), address.port())) return true;
  for (size_t i = 0; i < sides.size(); ++i) {
    if (is_under(sides[static_cast<ListenerIndex>(i)], address)) return true;
  }
  return false;
}

}  // namespace

std::vector<NamedAddress> usable_addresses(std::span<const NamedAddress> addresses,
                                           const NamedServer& of, const proxy::Sides& sides) {
  std::vector<NamedAddress> usable;
  std::copy_if(addresses.begin(), addresses.end(), std::back_inserter(usable),
               [&](const NamedAddress& each) {
                 return is_reachable(of, each.address.family(), sides) &&
                        !is_ours(each.address, sides);
               });
  return usable;
}

}  // namespace siplb::app
