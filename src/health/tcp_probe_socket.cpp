#include "health/tcp_probe_socket.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include "base/assert.h"
#include "sip/message.h"

namespace siplb::health {

TcpProbeSocket::TcpProbeSocket(const ProbeEnds& ends, const ProbeSocketParts& parts)
    : ends_(ends), parts_(parts), framer_(sip::kMessageOctetsMax) {
  SIPLB_ASSERT(parts.area.size() > sip::kMessageOctetsMax);
}

Result<void> TcpProbeSocket::connect() {
  auto socket = net::TcpSocket::connect({.remote = ends_.remote, .local = ends_.local});
  if (!socket) return tl::unexpected(socket.error());
  mark_urgent(socket->fd(), ends_.remote.family());
  const net::Events interest = net::kReadable | net::kWritable | net::kHungUp;
  if (auto added = parts_.loop.add(socket->fd(), interest, *this); !added) return added;
  socket_ = std::move(*socket);
  is_connected_ = false;
  framer_ = sip::StreamFramer(sip::kMessageOctetsMax);
  sent_by_ = socket_.local_address().text();
  return {};
}

ProbeStep TcpProbeSocket::prepare() {
  if (socket_.is_open()) return is_connected_ ? ProbeStep::Ready : ProbeStep::Connecting;
  const auto begun = connect();
  if (begun) return ProbeStep::Connecting;
  return begun.error().sys_errno == ECONNREFUSED ? ProbeStep::Refused : ProbeStep::Unsendable;
}

ProbeStep TcpProbeSocket::send(std::string_view probe) {
  const net::StreamResult result = socket_.write({&probe, 1});
  if (result.status == net::StreamStatus::Failed) return ProbeStep::Refused;
  // The last probe was answered, so there is room for this one.
  return result.octets == probe.size() ? ProbeStep::Ready : ProbeStep::Unsendable;
}

void TcpProbeSocket::end() {
  if (is_watched()) parts_.loop.remove(*this);
  socket_.close();
}

TcpProbeSocket::Life TcpProbeSocket::lose() {
  end();
  parts_.sink.on_refused(ends_.server);
  return Life::Over;
}

net::Events TcpProbeSocket::on_ready(net::Events events, Instant) {
  if (!is_connected_) {
    if (socket_.take_error() != 0 || socket_.leads_to_itself()) {
      lose();
      return 0;
    }
    if ((events & net::kWritable) == 0 || on_connected() == Life::Over) return 0;
  }
  while (read(events) == Life::GoesOn) {
  }
  return 0;
}

TcpProbeSocket::Life TcpProbeSocket::on_connected() {
  is_connected_ = true;
  parts_.sink.on_writable(ends_.server);
  return is_watched() ? Life::GoesOn : Life::Over;
}

// Over: nothing more is to be had now.
TcpProbeSocket::Life TcpProbeSocket::read(net::Events events) {
  const std::span<char> area = parts_.area;
  const ssize_t length = ::recv(socket_.fd(), area.data(), area.size(), MSG_PEEK | MSG_DONTWAIT);
  if (length < 0 && errno == EAGAIN) return Life::Over;
  if (length <= 0) return lose();
  const std::string_view octets(area.data(), static_cast<size_t>(length));
  const sip::Frame frame = framer_.next(octets);
  if (frame.kind == sip::Frame::Kind::Broken) return lose();
  if (frame.kind == sip::Frame::Kind::More) {
    return (events & net::kHungUp) != 0 ? lose() : Life::Over;
  }
  // Without a place to put them the kernel drops these octets.
  if (::recv(socket_.fd(), nullptr, frame.length, MSG_TRUNC | MSG_DONTWAIT) < 0) return lose();
  if (frame.kind == sip::Frame::Kind::Message) {
    parts_.sink.on_message(ends_.server, octets.substr(0, frame.length));
  } else if (frame.kind == sip::Frame::Kind::Ping) {
    const std::string_view pong = "\r\n";
    if (socket_.write({&pong, 1}).status == net::StreamStatus::Failed) return lose();
  }
  return is_watched() ? Life::GoesOn : Life::Over;
}

}  // namespace siplb::health
