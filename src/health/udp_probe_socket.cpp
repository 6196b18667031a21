#include "health/udp_probe_socket.h"

#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include "net/socket_calls.h"

namespace siplb::health {

Result<void> UdpProbeSocket::open() {
  const SockAddress& remote = ends_.remote;
  net::FileDescriptor fd(
      ::socket(remote.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.is_open()) return system_error(ErrorCode::SocketOpen);
  mark_urgent(fd.get(), remote.family());
  if (ends_.local.family() != SockAddress::Family::None) {
    const SockAddress local = ends_.local.with_port(0);
    if (auto bound = net::bind_to(fd.get(), {.address = local}); !bound) return bound;
  }
  sockaddr_storage native;
  const socklen_t length = remote.to(native);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&native), length) != 0) {
    return system_error(ErrorCode::SocketConnect);
  }
  const auto address = net::bound_address(fd.get());
  if (!address) return tl::unexpected(address.error());
  if (auto added = parts_.loop.add(fd.get(), net::kReadable, *this); !added) return added;
  sent_by_ = address->text();
  fd_ = std::move(fd);
  return {};
}

ProbeStep UdpProbeSocket::prepare() {
  if (!fd_.is_open()) return open() ? ProbeStep::Ready : ProbeStep::Unsendable;
  // What an earlier probe met says nothing about the one to come.
  static_cast<void>(net::get_option(fd_.get(), SOL_SOCKET, SO_ERROR));
  return ProbeStep::Ready;
}

ProbeStep UdpProbeSocket::send(std::string_view probe) {
  if (::send(fd_.get(), probe.data(), probe.size(), MSG_DONTWAIT) >= 0) return ProbeStep::Ready;
  return errno == ECONNREFUSED ? ProbeStep::Refused : ProbeStep::Unsendable;
}

void UdpProbeSocket::end() {
  if (is_watched()) parts_.loop.remove(*this);
  fd_ = {};
}

net::Events UdpProbeSocket::on_ready(net::Events events, Instant) {
  for (int reads = 0; reads < kReadsMax; ++reads) {
    const ssize_t length = ::recv(fd_.get(), parts_.area.data(), parts_.area.size(), MSG_DONTWAIT);
    if (length >= 0) {
      parts_.sink.on_message(ends_.server, {parts_.area.data(), static_cast<size_t>(length)});
    } else if (errno == EAGAIN) {
      return 0;
    } else if (errno == ECONNREFUSED) {
      parts_.sink.on_refused(ends_.server);
    }  // else a router says that it is not reached: the time-out will tell
    if (!is_watched()) return 0;
  }
  return events;
}

}  // namespace siplb::health
