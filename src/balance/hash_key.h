// What a group's hash policy hashes of a request.
//
// Thread: any. No heap.
#pragma once

#include <cstdint>

#include "balance/options.h"
#include "base/address.h"
#include "sip/message.h"

namespace siplb::balance {

// Hash of the request's key by `options`, seed 0. A key that the request does not have (no user, no
// such header) falls back to the Call-ID, so that such requests spread too.
[[nodiscard]] uint64_t request_key_hash(const HashKeyOptions& options, const sip::Message& request,
                                        const SockAddress& source);

}  // namespace siplb::balance
