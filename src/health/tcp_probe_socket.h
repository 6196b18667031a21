// Probes by a TCP connection that is kept open between them.
//
// What has arrived stays in the kernel until a message is whole: so nothing is kept here, however
// many servers there are. Requests of the other end are passed over, its pings are answered.
// Thread: one, the prober's. Bounds: one descriptor; no heap.
#pragma once

#include "health/probe_socket.h"
#include "net/tcp_socket.h"
#include "sip/stream_framer.h"

namespace siplb::health {

class TcpProbeSocket final : public ProbeSocket, private net::Watched {
 public:
  TcpProbeSocket(const ProbeEnds& ends, const ProbeSocketParts& parts);
  ~TcpProbeSocket() override { TcpProbeSocket::end(); }

  [[nodiscard]] ProbeStep prepare() override;
  [[nodiscard]] std::string_view sent_by() const override { return sent_by_; }
  [[nodiscard]] ProbeStep send(std::string_view probe) override;
  void end() override;

 private:
  enum class Life : uint8_t { GoesOn, Over };

  [[nodiscard]] Result<void> connect();
  [[nodiscard]] net::Events on_ready(net::Events events, Instant now) override;
  [[nodiscard]] Life on_connected();
  [[nodiscard]] Life read(net::Events events);
  Life lose();

  const ProbeEnds ends_;
  const ProbeSocketParts parts_;
  net::TcpSocket socket_;
  bool is_connected_ = false;
  sip::StreamFramer framer_;
  SockAddress::Text sent_by_;
};

}  // namespace siplb::health
