// Reads our own Via from the beginning of a datagram of ours, as an ICMP error quotes it.
//
// The quote may be cut off anywhere; it counts only as far as it shows our whole branch and the
// marker with the lane behind it. Whoever reads it must still check that such a transaction exists:
// anybody can send ICMP.
// Thread: any, pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/method.h"

namespace siplb::sip {

struct Quote {
  Method method = Method::Other;  // of the request line
  std::string_view branch;        // a view into the quote
  uint8_t lane = 0;               // not verified: the marker is outside every MAC
};

// Nothing where it is a response, or shows no whole Via of ours as its first header.
[[nodiscard]] std::optional<Quote> read_quote(std::string_view octets);

}  // namespace siplb::sip
