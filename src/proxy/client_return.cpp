#include "proxy/client_return.h"

#include "sip/message.h"

namespace siplb::proxy {
namespace {

transport::Flow flow_to_port(const transport::Flow& source, uint16_t port) {
  transport::Flow to = source;
  to.remote = source.remote.with_port(port);
  to.connection = {};
  return to;
}

}  // namespace

uint16_t answer_port(const sip::Via& via, const transport::Flow& source) {
  const uint16_t named = via.effective_port();
  if (!source.is_stream()) return via.has_rport ? source.remote.port() : named;
  // The port that it connected from is not one that it listens at.
  const bool is_own = SockAddress::parse_ip(via.host, named) == source.remote.with_port(named);
  return is_own && named != source.remote.port() ? named : 0;
}

std::optional<transport::Flow> answer_flow(const transport::Wire& wire,
                                           const transport::Flow& source, uint16_t port) {
  if (!source.connection.is_none() && wire.is_alive(source)) return source;
  if (port == 0) return std::nullopt;
  return flow_to_port(source, port);
}

std::optional<transport::Flow> flow_of_client(const Snapshot& snapshot, const sip::Via& below,
                                              const sip::ViaSeal& seal) {
  const auto listener = snapshot.sides.find(seal.listener);
  const auto address = below.response_address();
  const auto transport = below.known_transport();
  if (!listener || !address || !transport) return std::nullopt;
  const Side& side = snapshot.sides[*listener];
  if (!side.has(address->family(), *transport)) return std::nullopt;
  const bool is_ours = seal.instance == snapshot.seal.instance();
  // The port that a stream came from is known only where its client has asked for it.
  const bool is_port_known = *transport == sip::Transport::Udp || below.rport != 0;
  return transport::Flow{
      .remote = is_port_known ? *address : address->with_port(0),
      .local = side.bound.is_wildcard() ? seal.local : SockAddress{},
      .listener = *listener,
      .transport = *transport,
      .connection = transport::ConnectionId::from_number(is_ours ? seal.connection : 0)};
}

std::optional<transport::Flow> flow_to_listener_of(std::string_view response,
                                                   const transport::Flow& dead) {
  if (dead.connection.is_none()) return std::nullopt;  // it was sent to a listener, in vain
  sip::Message message;
  const bool is_read = sip::scan(response, {}, message) == sip::ScanStatus::Ok;
  if (!is_read || message.is_request) return std::nullopt;
  const uint16_t port = answer_port(message.via, dead);
  if (port == 0) return std::nullopt;
  return flow_to_port(dead, port);
}

}  // namespace siplb::proxy
