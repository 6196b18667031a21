// The Route headers of a request, with our own entries popped (RFC 3261, 16.4).
//
// An entry is ours when its URI is (Sides) or when it bears a token that verifies. At most two are
// popped: what one pass through us puts there (RFC 5658). Whoever sends a third is refused.
// The next one is taken out too where it is a strict router's: its URI becomes the Request-URI, and
// the old Request-URI the last Route (16.6, step 6).
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
  // What is taken out of the message; several where the entries stand in several headers.
  std::string_view popped[3];
  // The token of the popped entries, where one verifies for this Call-ID, and its text.
  bool has_token = false;
  sip::Token token;
  std::string_view token_text;
  // The first entry that is not ours, as a whole value with what follows it in its header; empty =
  // there is none.
  std::string_view remaining;
  // That entry's URI; Scheme::Other where it can't be read.
  sip::Uri next;
  bool is_next_strict = false;  // a URI without the parameter lr

  [[nodiscard]] bool has_dialog_token() const {
    return has_token && token.kind == sip::TokenKind::Dialog;
  }
  [[nodiscard]] bool has_next() const { return !remaining.empty(); }
};

// What the Routes are read by.
struct RouteReading {
  const Sides& sides;
  const sip::Seal& seal;
  SockAddress local;   // that the request came to, see Flow
  uint16_t today = 0;  // days since 1970
  // A Path binds no call, so only servers may use it.
  bool takes_path_token = false;
};

// Tokens that are refused are counted in `rejected`.
[[nodiscard]] RouteSet read_route_set(const sip::Message& request, const RouteReading& reading,
                                      CounterArray<sip::SealFault>& rejected);

}  // namespace siplb::proxy
