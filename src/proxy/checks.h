// What a request must fulfil before anything is done with it (RFC 3261, 16.3; SIP.md 3).
//
// Thread: any, pure.
#pragma once

#include <optional>

#include "proxy/verdict.h"
#include "sip/message.h"

namespace siplb::proxy {

// The refusal of a request that scanned well and came over `transport`; nothing where it passes. In
// this order: a Via of another transport (400: no answer would find its way back), version (505),
// Max-Forwards (483).
[[nodiscard]] std::optional<Verdict> check_request(const sip::Message& request,
                                                   sip::Transport transport);

// What to do with octets that did not scan: absorbed, answered 400, or dropped.
[[nodiscard]] Verdict judge_fault(sip::ScanStatus status, const sip::Message& message);

}  // namespace siplb::proxy
