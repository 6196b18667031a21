// Probes by a listener's own UDP socket, for servers that admit no other address and port.
//
// The socket is a worker's, who reads what comes back and tells the prober of answers (tell()). So
// a closed port shows as silence here.
// Thread: one, the prober's; the kernel lets any thread send. Bounds: no descriptor, no heap.
#pragma once

#include <string>

#include "health/probe_socket.h"
#include "net/udp_socket.h"

namespace siplb::health {

class ListenerProbeSocket final : public ProbeSocket {
 public:
  // `socket` is borrowed, null where the listener has none; `sent_by` is what the listener is
  // called; the port of ends.local does not count.
  ListenerProbeSocket(const ProbeEnds& ends, const net::UdpSocket* socket, std::string sent_by)
      : ends_(ends), socket_(socket), sent_by_(std::move(sent_by)) {}

  [[nodiscard]] ProbeStep prepare() override {
    return socket_ != nullptr ? ProbeStep::Ready : ProbeStep::Unsendable;
  }
  [[nodiscard]] std::string_view sent_by() const override { return sent_by_; }
  [[nodiscard]] ProbeStep send(std::string_view probe) override;
  void end() override {}

 private:
  const ProbeEnds ends_;
  const net::UdpSocket* const socket_;
  const std::string sent_by_;
};

}  // namespace siplb::health
