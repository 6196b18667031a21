// A non-blocking TCP connection: read, write, and the ways in which it ends.
//
// Always: no delay (Nagle), keep-alive probes, so that a peer which vanished is noticed, and little
// unsent in the kernel, so that what a slow peer holds up stays in queues of ours, which are
// bounded and can still be told what became of it. Thread: one at a time.
// Bounds: kernel buffers; unsent of them kUnsentOctetsMax and what one segment holds (64 KiB).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "base/address.h"
#include "base/result.h"
#include "net/file_descriptor.h"

namespace siplb::net {

// Probes begin after so much silence, and a peer that answers none of them is given up.
inline constexpr std::chrono::seconds kProbeAfter{60};
inline constexpr std::chrono::seconds kProbeInterval{10};
inline constexpr int kProbes = 6;
// So is one that acknowledges nothing of what was sent: the kernel alone would take 15 minutes.
inline constexpr std::chrono::seconds kGiveUpAfter = kProbeAfter + kProbes * kProbeInterval;

inline constexpr int kUnsentOctetsMax = 64 * 1024;

enum class [[nodiscard]] StreamStatus : uint8_t{
    Ok,       // some octets were moved; more may be possible
    Blocked,  // none now: an edge announces when
    Ended,    // the other end has sent all it will (reading only)
    Failed,   // the connection is broken
};

struct StreamResult {
  StreamStatus status = StreamStatus::Ok;
  size_t octets = 0;  // > 0 with Ok only
};

struct TcpConnectOptions {
  SockAddress remote;
  SockAddress local;  // to connect from, any port; Family::None: as the kernel chooses
};

// Sets what is said of connections above. A listening socket hands it on to those that it accepts.
[[nodiscard]] Result<void> set_stream_options(int fd);

class TcpSocket {
 public:
  static constexpr size_t kPiecesMax = 64;  // of one write

  TcpSocket() = default;  // none

  // Begins to connect: the socket is writable once that has succeeded or failed. Fails with
  // SocketOpen, SocketOption, SocketBind or SocketConnect where it can't even begin.
  [[nodiscard]] static Result<TcpSocket> connect(const TcpConnectOptions& options);
  // Takes a non-blocking connected socket that has the stream options, as accept() gives it.
  [[nodiscard]] static TcpSocket adopt(FileDescriptor fd);

  [[nodiscard]] bool is_open() const { return fd_.is_open(); }
  [[nodiscard]] int fd() const { return fd_.get(); }
  // What went wrong with it, as an errno; 0: nothing. Cleared by reading.
  [[nodiscard]] int take_error();
  // Our end of it; Family::None where the kernel does not say.
  [[nodiscard]] SockAddress local_address() const;
  // True where both ends are this one: so a port may be connected to that nobody listens at, if the
  // kernel happens to choose it to connect from.
  [[nodiscard]] bool leads_to_itself() const;

  // Requires: room for an octet.
  StreamResult read(std::span<char> into);
  // Writes from the first piece on; may end within one. Requires: 1 to kPiecesMax pieces, not all
  // empty.
  StreamResult write(std::span<const std::string_view> pieces);

  // No more will be written; what was written still arrives.
  void end_writing();
  // Ends it at once, and lets the other end know by a reset; unsent octets are lost.
  void reset();
  void close() { fd_ = FileDescriptor(); }

 private:
  explicit TcpSocket(FileDescriptor fd) : fd_(std::move(fd)) {}
  FileDescriptor fd_;
};

}  // namespace siplb::net
