// What a request must fulfil before anything is done with it (RFC 3261, 16.3; SIP.md 3).
//
// Thread: any, pure.
#pragma once

#include <optional>
#include <string_view>

#include "base/fixed_string.h"
#include "proxy/request.h"
#include "proxy/verdict.h"
#include "sip/message.h"
#include "sip/stream_framer.h"

namespace siplb::proxy {

// The names of extensions in an Unsupported header, at most.
inline constexpr size_t kUnsupportedOctetsMax = 1024;
using UnsupportedLine = FixedString<kUnsupportedOctetsMax>;

// The refusal of a request that scanned well and came over `transport`; nothing where it passes. In
// this order: a Via of another transport (400: no answer would find its way back), version (505),
// longer than it could be sent on (513), Max-Forwards (483), scheme of the Request-URI (416),
// Proxy-Require (420; `unsupported` gets the header that the answer lists them in; 400 where there
// are more than it holds). ACK and CANCEL are not asked for the last (8.2.2.3).
[[nodiscard]] std::optional<Verdict> check_request(const sip::Message& request,
                                                   sip::Transport transport,
                                                   UnsupportedLine& unsupported);

// True where the request has been here before, by the same side, and asked for the same: a loop
// (16.3, step 4). Whatever changes where it goes makes it a spiral, which is none. The 70 nearest
// hops are looked at.
[[nodiscard]] bool is_loop(const Request& request, const Snapshot& snapshot);

// What to do with octets that did not scan: absorbed, answered 400, or dropped.
[[nodiscard]] Verdict judge_fault(sip::ScanStatus status, const sip::Message& message);
// What to do with the head of a message that no stream can be framed behind, scanned as far as that
// goes: answered or dropped, never sent on.
[[nodiscard]] Verdict judge_fault(sip::FrameFault fault, const sip::Message& message);

}  // namespace siplb::proxy
