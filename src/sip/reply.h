// A response of our own, made from a request without any state (RFC 3261, 8.2.6).
//
// Thread: any. Bounds: writes into the caller's buffer only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/address.h"
#include "sip/message.h"

namespace siplb::sip {

struct ReplyOptions {
  uint16_t code = 500;
  std::string_view reason = {};   // empty: the registered phrase
  std::string_view to_tag = {};   // added where the request's To has none
  std::string_view headers = {};  // complete further header lines, each with its CRLF
  SockAddress source = {};        // where the request came from: for received and rport
};

// Writes the response and returns its length; 0 where it does not fit or answerable() is false.
// Copies Via (the top one stamped), From, To, Call-ID and CSeq; Content-Length: 0; nothing else, so
// that an answer is never much larger than its request.
[[nodiscard]] size_t build_reply(const Message& request, const ReplyOptions& options,
                                 std::span<char> out);

// The registered reason phrase; "Unknown" where there is none.
[[nodiscard]] std::string_view reason_phrase(uint16_t code);

}  // namespace siplb::sip
