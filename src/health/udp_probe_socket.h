// Probes by a connected UDP socket: the kernel takes answers and ICMP errors of that very pair of
// addresses and ports only, so a closed port is known at once and for sure.
//
// Thread: one, the prober's. Bounds: one descriptor; kReadsMax datagrams a tick; no heap.
#pragma once

#include "health/probe_socket.h"
#include "net/file_descriptor.h"

namespace siplb::health {

class UdpProbeSocket final : public ProbeSocket, private net::Watched {
 public:
  static constexpr int kReadsMax = 16;

  UdpProbeSocket(const ProbeEnds& ends, const ProbeSocketParts& parts)
      : ends_(ends), parts_(parts) {}
  ~UdpProbeSocket() override { UdpProbeSocket::end(); }

  [[nodiscard]] ProbeStep prepare() override;
  [[nodiscard]] std::string_view sent_by() const override { return sent_by_; }
  [[nodiscard]] ProbeStep send(std::string_view probe) override;
  void end() override;

 private:
  [[nodiscard]] Result<void> open();
  [[nodiscard]] net::Events on_ready(net::Events events, Instant now) override;

  const ProbeEnds ends_;
  const ProbeSocketParts parts_;
  net::FileDescriptor fd_;
  SockAddress::Text sent_by_;
};

}  // namespace siplb::health
