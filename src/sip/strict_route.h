// Strict routers (RFC 2543): they put the next hop into the Request-URI and the target last into
// Route. What one sends us is turned round here; what one is sent is the forwarder's work.
//
// Rare, so it writes the request anew, to be scanned again.
// Thread: any, pure. Bounds: writes into the caller's buffer only.
#pragma once

#include <cstddef>
#include <span>

#include "sip/message.h"
#include "sip/uri.h"

namespace siplb::sip {

// True where a Route's URI has the parameter lr, with or without a value (RFC 3261, 16.6 step 6).
[[nodiscard]] bool is_loose(const Uri& uri);

// Most that undo_strict_route() adds: "<" and ">, " around the old Request-URI.
inline constexpr size_t kStrictRouteGrowth = 4;

// Writes `request` as a loose router would have sent it (16.4): the URI of the last Route value
// becomes the Request-URI, and the old Request-URI, as it is, the first Route value. All else stays
// byte-exact, and no header is added. Returns the length; 0 where there is no Route, where its last
// value holds no URI, and where it does not fit.
// When to: where the Request-URI is one that we put into a Record-Route. Requires: scanned Ok.
[[nodiscard]] size_t undo_strict_route(const Message& request, std::span<char> out);

}  // namespace siplb::sip
