// What a group's hash policy hashes of a request.
//
// Thread: any. No heap.
#pragma once

#include <cstdint>
#include <string_view>

#include "balance/options.h"
#include "base/address.h"
#include "sip/message.h"

namespace siplb::balance {

// What a request is hashed by.
struct RequestKey {
  HashKeyKind kind = HashKeyKind::CallId;  // never Default
  std::string_view text;  // as written; of SourceIp, the octets. A view into request or source

  // With seed 0. Users are equal when they are without their escapes (RFC 3261, 19.1.4).
  [[nodiscard]] uint64_t hash() const;
};
// The request's key by `options`. One that the request does not have (no user, no such header)
// falls back to the Call-ID, so that such requests spread too.
[[nodiscard]] RequestKey request_key(const HashKeyOptions& options, const sip::Message& request,
                                     const SockAddress& source);
// "call-id", as the configuration says it; "header" for any.
[[nodiscard]] std::string_view name(HashKeyKind kind);

}  // namespace siplb::balance
