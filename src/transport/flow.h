// How to reach a remote end: which listener's socket, over what, from which address, and where to.
//
// A flow is a value: it says where the octets go, not that anything is there.
// Thread: any. Bounds: 52 octets.
#pragma once

#include <cstdint>

#include "base/address.h"
#include "sip/method.h"
#include "transport/connection_id.h"

namespace siplb::transport {

// Position of a listener in the configuration.
using ListenerIndex = uint8_t;
inline constexpr size_t kListenersMax = 16;

struct Flow {
  SockAddress remote;
  // Of a listener on a wildcard address: the address of ours that the octets came to, and leave
  // from; the port is 0. Family::None elsewhere, and where the kernel may choose.
  SockAddress local = {};
  ListenerIndex listener = 0;
  sip::Transport transport = sip::Transport::Udp;
  // Of a stream: the connection that the octets came by, or must leave by. None: over a stream to
  // `remote`, one that we open or have open.
  ConnectionId connection = {};

  [[nodiscard]] bool is_stream() const { return transport != sip::Transport::Udp; }
  bool operator==(const Flow&) const = default;
};

}  // namespace siplb::transport
