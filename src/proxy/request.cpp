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

std::optional<UriPlace> read_place(const sip::Uri& uri) {
  const auto address = uri.literal();
  if (uri.scheme != sip::Scheme::Sip || !address) return std::nullopt;
  const std::string_view named = uri.param("transport");
  if (named.empty()) return UriPlace{.address = *address, .transport = {}};
  for (const auto transport : {sip::Transport::Udp, sip::Transport::Tcp}) {
    if (sip::equal_caseless(named, sip::transport_name(transport))) {
      return UriPlace{.address = *address, .transport = transport};
    }
  }
  return std::nullopt;
}

uint32_t loop_hash(const Request& request, const Snapshot& snapshot) {
  return snapshot.seal.loop_hash(request.message, request.routes.remaining,
                                 snapshot.sides[request.source.listener].hash,
                                 request.sender.affinity_group);
}

}  // namespace siplb::proxy
