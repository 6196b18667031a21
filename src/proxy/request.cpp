#include "proxy/request.h"

namespace siplb::proxy {

Request read_request(const Snapshot& snapshot, const Received& received,
                     CounterArray<sip::SealFault>& rejected) {
  const sip::Message& message = received.message;
  const Sender sender = find_sender(snapshot, received.source);
  const RouteReading reading{.sides = snapshot.sides,
                             .seal = snapshot.seal,
                             .local = received.source.local,
                             .today = received.tick.today,
                             .takes_path_token = sender.is_server()};
  return {
      .message = message,
      .source = received.source,
      .tick = received.tick,
      .sender = sender,
      .routes = read_route_set(message, reading, rejected),
      .branch = received.branch,
      .from_tag_hash = snapshot.seal.tag_hash(message.from_tag),
  };
}

std::optional<SockAddress> udp_literal(const sip::Uri& uri) {
  const std::string_view transport = uri.param("transport");
  if (uri.scheme != sip::Scheme::Sip) return std::nullopt;
  if (!transport.empty() && !sip::equal_caseless(transport, "udp")) return std::nullopt;
  return uri.literal();
}

uint32_t loop_hash(const Request& request, const Snapshot& snapshot) {
  return snapshot.seal.loop_hash(request.message, request.routes.remaining,
                                 snapshot.sides[request.source.listener].hash,
                                 request.sender.affinity_group);
}

}  // namespace siplb::proxy
