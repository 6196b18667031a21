// What is left of an INVITE once it needs not be sent again: enough for the ACK to a non-2xx, for
// our own CANCEL and for our own final answer. It is itself a SIP message and scans as one.
//
// Thread: any, pure. Bounds: writes into the caller's buffer only.
#pragma once

#include <cstddef>
#include <span>

#include "sip/message.h"

namespace siplb::sip {

// The length of the remnant of `request`.
[[nodiscard]] size_t remnant_length(const Message& request);
// Writes request line, Via, Route, From, To, Call-ID, CSeq and Max-Forwards of `request`, each as
// it stands and in order; no body. Requires: out holds remnant_length().
void write_remnant(const Message& request, std::span<char> out);

}  // namespace siplb::sip
