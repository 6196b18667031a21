// Whither answers go: back by the flow that their request came by (RFC 3261, 18.2.2).
//
// Over a stream that is its connection. Where that has ended, the client may listen where its Via
// says; but only if that is the address that the request came from, since behind a NAT that address
// is many others' too.
// Thread: any, pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/snapshot.h"
#include "sip/via.h"
#include "transport/wire.h"

namespace siplb::proxy {

// The port for answers to a request with this top Via, which came by `source`: over UDP that of the
// source where rport asks for it, else the Via's; over a stream where its sender listens, 0 where
// he does not say so himself.
[[nodiscard]] uint16_t answer_port(const sip::Via& via, const transport::Flow& source);

// How they are sent: always to the address that it came from, whatever the Via says, so a third
// party never hears from us. Nothing where the connection has ended and there is no port.
[[nodiscard]] std::optional<transport::Flow> answer_flow(const transport::Wire& wire,
                                                         const transport::Flow& source,
                                                         uint16_t port);

// The flow that a request came by, as the seal of our Via and the Via below it say: for a response
// to what no state is kept of. Of a stream only the address of the remote end is known, and the
// connection where it is one of this process. Nothing where it can't be known any more.
[[nodiscard]] std::optional<transport::Flow> flow_of_client(const Snapshot& snapshot,
                                                            const sip::Via& below,
                                                            const sip::ViaSeal& seal);

// Where to send a response, as it was sent, whose connection has ended before it left; nothing
// where it has nowhere to go.
[[nodiscard]] std::optional<transport::Flow> flow_to_listener_of(std::string_view response,
                                                                 const transport::Flow& dead);

}  // namespace siplb::proxy
