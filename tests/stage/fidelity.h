// Whether a message left siplb as it came, but for what a proxy must change (RFC 3261, 16.6, 16.7).
//
// The oracle of corpus and fuzzer: it reads both messages header by header and knows nothing of how
// siplb makes the one from the other.
// Thread: any, pure.
#pragma once

#include <string>

#include "sip/message.h"

namespace siplb::test {

// What is not in `after`, a message that we forwarded, as it is in `before`; empty where all is.
// May differ: our Via and Record-Route on top of a request, the source that its next Via tells,
// Routes taken from the top, Request-URI and Routes where a router is strict, Max-Forwards counted
// down, a Path of ours; of a response, only our Via.
[[nodiscard]] std::string altered(const sip::Message& before, const sip::Message& after);

// What `reply`, an answer of our own, does not repeat of `request` (8.2.6.2); empty where it does.
[[nodiscard]] std::string misquoted(const sip::Message& request, const sip::Message& reply);

}  // namespace siplb::test
