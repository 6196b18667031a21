#include "health/listener_probe_socket.h"

namespace siplb::health {

ProbeStep ListenerProbeSocket::send(std::string_view probe) {
  const int error = socket_->send_one({probe, ends_.remote, ends_.local.with_port(0)});
  return error == 0 ? ProbeStep::Ready : ProbeStep::Unsendable;
}

}  // namespace siplb::health
