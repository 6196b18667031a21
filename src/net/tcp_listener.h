// A bound, non-blocking TCP socket that connections are accepted from.
//
// IPv6 sockets take IPv6 only. The kernel spreads new connections over all sockets that share a
// port, by their flow.
// When this process, or the system, has no descriptor left, a connection would wait in the kernel's
// queue, and no further edge announce it. So a descriptor is kept in reserve, to take such a
// connection and reset it at once: it is refused, and nobody spins or waits for ever.
// Connections of an earlier process, which the kernel still remembers (TIME_WAIT), do not keep the
// port from us (SO_REUSEADDR). So a bind alone excludes nobody: two may have bound, one can listen.
// Thread: one at a time. Bounds: kBacklog connections in the kernel's queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/address.h"
#include "base/result.h"
#include "net/file_descriptor.h"
#include "net/tcp_socket.h"

namespace siplb::net {

struct TcpListenerOptions {
  SockAddress address;      // port 0: the kernel picks
  bool reuse_port = false;  // share the port with others that say so
  bool free_bind = false;   // bind although the address is not (yet) on this host
};

enum class [[nodiscard]] AcceptStatus : uint8_t{
    Accepted,
    Drained,       // none waits now; an edge announces the next
    NoDescriptor,  // one was closed at once for want of a descriptor: try again
    Stuck,         // and not even that was possible: try again later, no edge comes
};

struct Accepted {
  AcceptStatus status = AcceptStatus::Drained;
  TcpSocket socket;
  SockAddress remote;
};

class TcpListener {
 public:
  static constexpr int kBacklog = 4096;  // the kernel may allow less (net.core.somaxconn)
  // So many ended connections are passed over by one accept(), which is Stuck then: an error that
  // takes nothing off the queue must not make it spin.
  static constexpr size_t kPassedOverMax = 64;

  // Fails with AddressInUse, SocketOpen, SocketOption, SocketBind or SocketName. It does not accept
  // before listen().
  [[nodiscard]] static Result<TcpListener> open(const TcpListenerOptions& options);
  // Takes a listening socket that somebody else has opened. Fails, closing it, if it is none or is
  // not bound to options.address (port 0: any port).
  [[nodiscard]] static Result<TcpListener> adopt(FileDescriptor fd,
                                                 const TcpListenerOptions& options);

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const SockAddress& address() const { return address_; }

  // Lets sockets opened with reuse_port share the port from now on.
  [[nodiscard]] Result<void> share_port();
  // Connections may come from now on. Fails with AddressInUse when somebody else listens there, and
  // with SocketOpen for want of the descriptor in reserve. Does nothing where it listens already.
  [[nodiscard]] Result<void> listen();

  // The next connection. One that has ended while it waited is passed over. Requires: it listens.
  Accepted accept();

 private:
  explicit TcpListener(FileDescriptor fd) : fd_(std::move(fd)) {}
  [[nodiscard]] AcceptStatus refuse_next();

  FileDescriptor fd_;
  FileDescriptor reserve_;
  SockAddress address_;
};

}  // namespace siplb::net
