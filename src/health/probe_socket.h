// What the probes of one server are sent by, whatever its transport.
//
//   prepare() ── Ready ──────> send()
//       └────── Connecting ──> on_writable(), then send()
//
// It is opened by the first probe and stays for the next ones; a probe that failed ends it, so that
// the next begins anew, by whatever route and address there are then.
// Thread: one, the prober's. Bounds: one descriptor; no heap.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "balance/topology.h"
#include "base/address.h"
#include "net/event_loop.h"

namespace siplb::health {

enum class [[nodiscard]] ProbeStep : uint8_t{
    Ready,       // to send; sent
    Connecting,  // on_writable() or on_refused() follows
    Refused,     // by the other end
    Unsendable,  // by this host: nothing is known of the other end
};

// Who hears of what comes back. It may end() the socket meanwhile, but not destroy it.
class ProbeSink {
 public:
  virtual ~ProbeSink() = default;
  virtual void on_writable(balance::ServerIndex server) = 0;
  // One message, which dies with the call.
  virtual void on_message(balance::ServerIndex server, std::string_view message) = 0;
  // A closed port, or a connection that could not be opened or has ended.
  virtual void on_refused(balance::ServerIndex server) = 0;
};

// All are borrowed. `area` holds the longest message, and is anybody's between two calls.
struct ProbeSocketParts {
  net::EventLoop& loop;
  ProbeSink& sink;
  std::span<char> area;
};

struct ProbeEnds {
  balance::ServerIndex server = 0;
  SockAddress remote;
  SockAddress local;  // any port; Family::None: as the kernel chooses
};

class ProbeSocket {
 public:
  ProbeSocket() = default;
  virtual ~ProbeSocket() = default;
  ProbeSocket(const ProbeSocket&) = delete;
  ProbeSocket& operator=(const ProbeSocket&) = delete;

  [[nodiscard]] virtual ProbeStep prepare() = 0;
  // What we are called in the Via. Requires: prepared.
  [[nodiscard]] virtual std::string_view sent_by() const = 0;
  // Sends all of it or fails. Requires: prepare() was Ready, or on_writable() was called.
  [[nodiscard]] virtual ProbeStep send(std::string_view probe) = 0;
  // Lets go of the descriptor; nothing is heard until prepare().
  virtual void end() = 0;
};

// Before data in all queues of this host, and marked for those on the way (CS3, RFC 4594:
// signalling). The kernel may refuse: then the probe goes like any other datagram.
void mark_urgent(int fd, SockAddress::Family family);

}  // namespace siplb::health
