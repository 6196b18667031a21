#include "net/udp_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include <linux/errqueue.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "net/packet_info.h"
#include "net/socket_calls.h"

namespace siplb::net {
namespace {

// True where the error is about the message itself, not a pending one of another.
bool concerns_message(int error) {
  return error == EINVAL || error == EPERM || error == EMSGSIZE || error == ENOBUFS;
}

// One sendmmsg from the front; as the system call, but -1 only for an error of the first datagram.
int send_some(int fd, std::span<const OutgoingDatagram> datagrams) {
  std::array<mmsghdr, UdpSocket::kSendBatchMax> headers;
  std::array<iovec, UdpSocket::kSendBatchMax> buffers;
  std::array<sockaddr_storage, UdpSocket::kSendBatchMax> remotes;
  std::array<PacketInfoRoom, UdpSocket::kSendBatchMax> packet_infos;
  const size_t count = std::min(datagrams.size(), headers.size());
  for (size_t i = 0; i < count; ++i) {
    const OutgoingDatagram& datagram = datagrams[i];
    buffers[i] = {const_cast<char*>(datagram.octets.data()), datagram.octets.size()};
    headers[i] = {};
    msghdr& header = headers[i].msg_hdr;
    header.msg_name = &remotes[i];
    header.msg_namelen = datagram.remote.to(remotes[i]);
    header.msg_iov = &buffers[i];
    header.msg_iovlen = 1;
    if (datagram.local.family() != SockAddress::Family::None) {
      set_packet_info(header, packet_infos[i], datagram.local);
    }
  }
  return ::sendmmsg(fd, headers.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
}

SockAddress offender_of(const cmsghdr& control) {
  // The address follows the extended error, if there is one (SO_EE_OFFENDER).
  const size_t before = CMSG_LEN(sizeof(sock_extended_err));
  if (control.cmsg_len <= before) return {};
  sockaddr_storage native{};
  std::memcpy(&native, CMSG_DATA(&control) + sizeof(sock_extended_err),
              std::min(sizeof native, control.cmsg_len - before));
  return SockAddress::from(native);
}

// Reports one entry of the error queue if it is an ICMP error.
void report(msghdr& message, std::string_view quote, UdpErrorHandler& errors) {
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr;
       control = CMSG_NXTHDR(&message, control)) {
    const bool v4 = control->cmsg_level == SOL_IP && control->cmsg_type == IP_RECVERR;
    const bool v6 = control->cmsg_level == SOL_IPV6 && control->cmsg_type == IPV6_RECVERR;
    if ((!v4 && !v6) || control->cmsg_len < CMSG_LEN(sizeof(sock_extended_err))) continue;
    sock_extended_err extended;
    std::memcpy(&extended, CMSG_DATA(control), sizeof extended);
    if (extended.ee_origin != SO_EE_ORIGIN_ICMP && extended.ee_origin != SO_EE_ORIGIN_ICMP6) {
      continue;
    }
    errors.on_icmp_error({
        .sys_errno = static_cast<int>(extended.ee_errno),
        .type = extended.ee_type,
        .code = extended.ee_code,
        .offender = offender_of(*control),
        .destination = SockAddress::from(*static_cast<sockaddr_storage*>(message.msg_name)),
        .quote = quote,
    });
    return;
  }
}

}  // namespace

Result<UdpSocket> UdpSocket::open(const UdpSocketOptions& options) {
  const int family = options.address.is_v6() ? AF_INET6 : AF_INET;
  UdpSocket opened(FileDescriptor(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  if (!opened.fd_.is_open()) return system_error(ErrorCode::SocketOpen);

  if (auto set = opened.set_options(options); !set) return tl::unexpected(set.error());
  auto bound = bind_to(opened.fd(), {.address = options.address,
                                     .reuse_port = options.reuse_port,
                                     .free_bind = options.free_bind});
  if (!bound) return tl::unexpected(bound.error());
  const auto address = bound_address(opened.fd());
  if (!address) return tl::unexpected(address.error());
  opened.address_ = *address;
  return opened;
}

Result<UdpSocket> UdpSocket::adopt(FileDescriptor fd, const UdpSocketOptions& options) {
  UdpSocket adopted(std::move(fd));
  const auto type = get_option(adopted.fd(), SOL_SOCKET, SO_TYPE);
  if (!type) return tl::unexpected(type.error());
  if (*type != SOCK_DGRAM) return plain_error(ErrorCode::SocketName);
  const auto address = adopt_bound(adopted.fd(), options.address);
  if (!address) return tl::unexpected(address.error());
  adopted.address_ = *address;
  if (auto set = adopted.set_options(options); !set) return tl::unexpected(set.error());
  return adopted;
}

// What may be set at any time.
Result<void> UdpSocket::set_options(const UdpSocketOptions& options) {
  const bool v6 = options.address.is_v6();
  const int level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
  if (auto set = set_option(fd(), level, v6 ? IPV6_RECVERR : IP_RECVERR, 1); !set) return set;
  if (auto set = set_option(fd(), level, v6 ? IPV6_MTU_DISCOVER : IP_MTU_DISCOVER,
                            v6 ? IPV6_PMTUDISC_DONT : IP_PMTUDISC_DONT);
      !set) {
    return set;
  }
  if (options.address.is_wildcard()) {
    if (auto set = set_option(fd(), level, v6 ? IPV6_RECVPKTINFO : IP_PKTINFO, 1); !set) return set;
  }
  if (options.receive_buffer_bytes != 0) {
    const int bytes = static_cast<int>(options.receive_buffer_bytes);
    if (auto set = set_option(fd(), SOL_SOCKET, SO_RCVBUF, bytes); !set) return set;
  }
  if (options.send_buffer_bytes != 0) {
    const int bytes = static_cast<int>(options.send_buffer_bytes);
    if (auto set = set_option(fd(), SOL_SOCKET, SO_SNDBUF, bytes); !set) return set;
  }
  const auto booked = get_option(fd(), SOL_SOCKET, SO_RCVBUF);
  if (!booked) return tl::unexpected(booked.error());
  granted_receive_bytes_ = static_cast<uint32_t>(*booked) / 2;
  return {};
}

Result<void> UdpSocket::share_port() {
  return set_option(fd(), SOL_SOCKET, SO_REUSEPORT, 1);
}

Result<void> UdpSocket::steer(std::span<const sock_filter> program) {
  const sock_fprog native{.len = static_cast<uint16_t>(program.size()),
                          .filter = const_cast<sock_filter*>(program.data())};
  if (::setsockopt(fd(), SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &native, sizeof native) != 0) {
    return system_error(ErrorCode::SocketOption);
  }
  return {};
}

ReceiveStatus UdpSocket::receive(DatagramBatch& batch, UdpErrorHandler& errors) {
  const auto receive_some = [&] {
    return ::recvmmsg(fd(), batch.headers_.data(), static_cast<unsigned>(batch.headers_.size()),
                      MSG_DONTWAIT, nullptr);
  };
  batch.prepare(address_.is_wildcard() ? sizeof(PacketInfoRoom) : 0);
  int received = receive_some();
  if (received < 0 && errno != EAGAIN) {
    settle_errors(errors);
    received = receive_some();
  }
  // Fewer than asked for: the queue was empty, or an error came in between, and that, as any that
  // fails the second call too, has raised an edge of its own.
  const size_t count = received > 0 ? static_cast<size_t>(received) : 0;
  batch.take(count);
  return count == batch.headers_.size() ? ReceiveStatus::Full : ReceiveStatus::Drained;
}

size_t UdpSocket::send(std::span<const OutgoingDatagram> datagrams, UdpErrorHandler& errors) {
  size_t done = 0;
  bool is_retry = false;
  while (done < datagrams.size()) {
    const int sent = send_some(fd(), datagrams.subspan(done));
    if (sent > 0) {
      done += static_cast<size_t>(sent);
      is_retry = false;
      continue;
    }
    const int error = errno;
    if (error == EAGAIN) break;
    if (!is_retry && !concerns_message(error)) {
      settle_errors(errors);
      is_retry = true;
      continue;
    }
    errors.on_send_error(datagrams[done], error);
    ++done;
    is_retry = false;
  }
  return done;
}

int UdpSocket::send_one(const OutgoingDatagram& datagram) const {
  if (send_some(fd(), {&datagram, 1}) == 1) return 0;
  if (errno == EAGAIN || concerns_message(errno)) return errno;
  // It may have been a pending error of another datagram, which stays in the error queue.
  return send_some(fd(), {&datagram, 1}) == 1 ? 0 : errno;
}

// Makes the next call speak for itself, also where the error queue holds more than one drain takes:
// each entry taken makes the next one pending, and reading SO_ERROR clears that.
void UdpSocket::settle_errors(UdpErrorHandler& errors) {
  drain_errors(errors);
  static_cast<void>(get_option(fd(), SOL_SOCKET, SO_ERROR));
}

size_t UdpSocket::drain_errors(UdpErrorHandler& errors) {
  for (size_t count = 0; count < kErrorsPerDrain; ++count) {
    std::array<char, 1280> quote;
    alignas(cmsghdr) std::array<char, 256> control;
    sockaddr_storage destination{};
    iovec buffer{quote.data(), quote.size()};
    msghdr message{};
    message.msg_name = &destination;
    message.msg_namelen = sizeof destination;
    message.msg_iov = &buffer;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t length = ::recvmsg(fd(), &message, MSG_ERRQUEUE | MSG_DONTWAIT);
    if (length < 0) return count;
    report(message, {quote.data(), static_cast<size_t>(length)}, errors);
  }
  return kErrorsPerDrain;
}

std::optional<SocketMemory> UdpSocket::memory() const {
  std::array<uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t length = sizeof info;
  if (::getsockopt(fd(), SOL_SOCKET, SO_MEMINFO, info.data(), &length) != 0) return std::nullopt;
  return SocketMemory{.queued_bytes = info[SK_MEMINFO_RMEM_ALLOC], .drops = info[SK_MEMINFO_DROPS]};
}

}  // namespace siplb::net
