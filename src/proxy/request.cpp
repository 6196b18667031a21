#include "proxy/request.h"

namespace siplb::proxy {

Request read_request(const Snapshot& snapshot, const Received& received,
                     CounterArray<sip::SealFault>& rejected) {
  const sip::Message& message = received.message;
  return {
      .message = message,
      .source = received.source,
      .tick = received.tick,
      .sender = find_sender(snapshot, received.source),
      .routes =
          read_route_set(message, snapshot.sides, snapshot.seal, received.tick.today, rejected),
      .branch = received.branch,
      .from_tag_hash = snapshot.seal.tag_hash(message.from_tag),
  };
}

}  // namespace siplb::proxy
