// A bound, unconnected, non-blocking UDP socket that works in batches.
//
// Always: IPv6 sockets take IPv6 only, no path MTU discovery, ICMP errors by the error queue
// (RECVERR); on a wildcard address also which of our addresses a datagram came to (PKTINFO). On a
// socket that talks to many, a pending error says nothing about the message at hand: the kernel
// reports an ICMP error for one destination at the next send or receive for any. So such a call is
// made again once the error queue is drained, and only a message that then fails by itself is
// skipped. Generic receive offload stays off: a read gives one datagram.
// Thread: one at a time. Bounds: kernel buffers; batches of kSendBatchMax per system call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <linux/filter.h>

#include "base/address.h"
#include "base/result.h"
#include "net/datagram_batch.h"
#include "net/file_descriptor.h"

namespace siplb::net {

struct UdpSocketOptions {
  SockAddress address;                // port 0: the kernel picks
  uint32_t receive_buffer_bytes = 0;  // 0: the system's default; the kernel may grant less
  uint32_t send_buffer_bytes = 0;
  bool reuse_port = false;  // share the port with others that say so
  bool free_bind = false;   // bind although the address is not (yet) on this host
};

struct OutgoingDatagram {
  std::string_view octets;
  SockAddress remote;
  // The address of ours to send from, of the family of `remote`, the port does not count;
  // Family::None: the bound one, or on a wildcard address as the kernel chooses.
  SockAddress local = {};
};

// An ICMP error that answers one of our datagrams.
struct IcmpError {
  int sys_errno = 0;  // what the kernel makes of it: ECONNREFUSED, EHOSTUNREACH …
  uint8_t type = 0;   // of ICMP or ICMPv6, by the family of `destination`
  uint8_t code = 0;
  SockAddress offender;     // who reported it, port 0; Family::None if unknown
  SockAddress destination;  // where our datagram was bound for
  std::string_view quote;   // the beginning of our datagram, dies with the callback
};

// Who hears of errors. Called within receive(), send() and drain_errors().
class UdpErrorHandler {
 public:
  virtual ~UdpErrorHandler() = default;
  virtual void on_icmp_error(const IcmpError& error) = 0;
  // This datagram was skipped: the kernel does not send it (EINVAL, EPERM, EMSGSIZE, ENOBUFS,
  // ENETUNREACH …). To a `local` that has left this host it says EINVAL, or ENETUNREACH.
  virtual void on_send_error(const OutgoingDatagram& datagram, int sys_errno) = 0;
};

enum class [[nodiscard]] ReceiveStatus : uint8_t{
    Drained,  // no more is to be had now; an edge announces the next
    Full,     // the batch is full; more may wait
};

struct SocketMemory {
  uint32_t queued_bytes = 0;  // in the receive queue, with the kernel's overhead
  uint32_t drops = 0;         // for want of room, since the socket was opened; wraps
};

class UdpSocket {
 public:
  static constexpr size_t kSendBatchMax = 64;
  static constexpr size_t kErrorsPerDrain = 64;

  // Fails with AddressInUse, SocketOpen, SocketOption, SocketBind or SocketName.
  [[nodiscard]] static Result<UdpSocket> open(const UdpSocketOptions& options);
  // Takes a socket bound by somebody else and sets the options that can be set after the bind.
  // Fails, closing it, if it is no UDP socket or is not bound to options.address (port 0: any
  // port).
  [[nodiscard]] static Result<UdpSocket> adopt(FileDescriptor fd, const UdpSocketOptions& options);

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const SockAddress& address() const { return address_; }
  // In the unit of SO_RCVBUF as asked for; the kernel books twice that, for its overhead.
  [[nodiscard]] uint32_t granted_receive_bytes() const { return granted_receive_bytes_; }

  // Lets sockets opened with reuse_port share the port from now on.
  [[nodiscard]] Result<void> share_port();
  // From now on this program picks the socket, of all that share the port, by its place in the
  // order of their binds (steering.h). Fails where nobody shares it, or the kernel refuses the
  // program.
  [[nodiscard]] Result<void> steer(std::span<const sock_filter> program);

  // Reads as much as waits, at most one batch. The batch may be empty.
  ReceiveStatus receive(DatagramBatch& batch, UdpErrorHandler& errors);

  // Sends from the front and returns how many are dealt with: sent, or skipped with
  // on_send_error(). Fewer than all: the socket's buffer is full, go on when it is writable.
  [[nodiscard]] size_t send(std::span<const OutgoingDatagram> datagrams, UdpErrorHandler& errors);

  // Sends one from a thread that this socket is not of, which hears of no ICMP error then. Returns
  // 0, or the errno of why it was not sent. Thread: any.
  [[nodiscard]] int send_one(const OutgoingDatagram& datagram) const;

  // Reads the error queue and returns how many entries it took: fewer than kErrorsPerDrain means
  // that it is empty.
  size_t drain_errors(UdpErrorHandler& errors);

  // Empty where the kernel does not tell.
  [[nodiscard]] std::optional<SocketMemory> memory() const;

 private:
  explicit UdpSocket(FileDescriptor fd) : fd_(std::move(fd)) {}
  [[nodiscard]] Result<void> set_options(const UdpSocketOptions& options);
  void settle_errors(UdpErrorHandler& errors);

  FileDescriptor fd_;
  SockAddress address_;
  uint32_t granted_receive_bytes_ = 0;
};

}  // namespace siplb::net
