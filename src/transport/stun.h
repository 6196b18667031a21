// STUN binding requests on a SIP port (RFC 5389; RFC 5626, 4.4.2): who asks is told the address
// that he is seen at, and so keeps his NAT's mapping alive.
//
// Requests of RFC 3489, without the magic cookie, are no STUN here. Without authentication; a
// FINGERPRINT is neither checked nor sent.
// Thread: any. Pure. Bounds: kStunResponseOctetsMax octets. With IP and UDP headers, an answer is
// at most 1.4 times as long as what it answers.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "base/address.h"

namespace siplb::transport {

inline constexpr size_t kStunResponseOctetsMax = 48;

// True where `datagram` is a binding request by its first 20 octets and its length. No SIP message
// is one.
[[nodiscard]] bool is_stun_request(std::string_view datagram);

// The answer to `request`, which came from `source`, in `area`: a success with XOR-MAPPED-ADDRESS,
// or 420 where it demands what we do not know. Empty where its attributes make no sense.
// Requires: is_stun_request(request); `source` has a family.
[[nodiscard]] std::string_view write_stun_response(std::string_view request,
                                                   const SockAddress& source,
                                                   std::array<char, kStunResponseOctetsMax>& area);

}  // namespace siplb::transport
