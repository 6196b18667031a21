// Which of our addresses the routing table sends from.
//
// Asked at start only, to choose where to send from; nothing is sent.
// Thread: any.
#pragma once

#include "base/address.h"

namespace siplb::net {

// The address that this host would send from to `remote`, with port 0; Family::None where it has
// no way there, and errno says why. Requires: a family.
[[nodiscard]] SockAddress source_towards(const SockAddress& remote);

// True where `local` is, or would be, an address of the interface by which this host sends to
// `remote`: one of its networks holds it.
[[nodiscard]] bool is_on_way(const SockAddress& local, const SockAddress& remote);

// True where this host has that address, whatever the port.
[[nodiscard]] bool is_on_host(const SockAddress& address);

}  // namespace siplb::net
