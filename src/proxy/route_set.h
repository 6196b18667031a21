// The Route headers of a request, with our own entries popped (RFC 3261, 16.4).
//
// An entry is ours when its URI is (Sides) or when it bears a token that verifies. At most two are
// popped: what one pass through us puts there (RFC 5658). A third is left and treated as foreign.
// Thread: any, pure. Bounds: constant; views into the message.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/counters.h"
#include "proxy/sides.h"
#include "sip/message.h"
#include "sip/seal.h"

namespace siplb::proxy {

struct RouteSet {
  // What popping takes out of the message; the second where the entries stand in two headers.
  std::string_view popped[2];
  // The token of the popped entries, where one verifies for this Call-ID, and its text.
  bool has_token = false;
  sip::Token token;
  std::string_view token_text;
  // The first entry left, as a whole value with what follows it in its header; empty = none left.
  std::string_view remaining;
  // That entry's URI; Scheme::Other where it can't be read.
  sip::Uri next;

  [[nodiscard]] bool has_next() const { return !remaining.empty(); }
};

// Tokens that are refused are counted in `rejected`.
[[nodiscard]] RouteSet read_route_set(const sip::Message& request, const Sides& sides,
                                      const sip::Seal& seal, uint16_t today,
                                      CounterArray<sip::SealFault>& rejected);

}  // namespace siplb::proxy
