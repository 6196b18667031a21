// A minimal offer or answer of SDP (RFC 4566), with its Content-Type and Content-Length: what an
// INVITE and its 200 carry, so that they are as long as real ones. No media flows.
#pragma once

#include <string_view>

namespace siplb::load {

inline constexpr std::string_view kSessionBody =
    "Content-Type: application/sdp\r\n"
    "Content-Length: 143\r\n"
    "\r\n"
    "v=0\r\n"
    "o=siplb-load 1 1 IN IP4 192.0.2.1\r\n"
    "s=-\r\n"
    "c=IN IP4 192.0.2.1\r\n"
    "t=0 0\r\n"
    "m=audio 40000 RTP/AVP 8\r\n"
    "a=rtpmap:8 PCMA/8000\r\n"
    "a=ptime:20\r\n"
    "a=sendrecv\r\n";

}  // namespace siplb::load
