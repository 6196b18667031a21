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

}  // namespace siplb::net
