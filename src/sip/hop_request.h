// The requests that a proxy makes itself: the ACK to a non-2xx, its own CANCEL, and the ACK and BYE
// that end a call nobody wants.
//
// ACK and CANCEL go one hop and are made from the request that they belong to (RFC 3261, 17.1.1.3
// and 9.1) as it was forwarded: same Request-URI, Route, From, Call-ID and CSeq number, one Via.
// Thread: any, pure. Bounds: writes into the caller's buffer only.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "sip/message.h"
#include "sip/method.h"

namespace siplb::sip {

struct HopRequest {
  Method method = Method::Ack;  // Ack or Cancel
  std::string_view via;         // the value of our Via: "SIP/2.0/UDP host;branch=…"
  // Views of `request` to leave out, as they were left out when it was forwarded: own Routes, whole
  // lines or values, apart from each other; empty ones are passed over. Requires: at most
  // Editor::kEditsMax. A header of which nothing is left is not written.
  std::span<const std::string_view> popped;
  // The URI of the next Route where that is a strict router's (16.6, step 6), popped as well: it is
  // the Request-URI, and the request's own the last Route. Empty elsewhere.
  std::string_view strict_router = {};
  // The whole To value of the response that an ACK is for; a CANCEL takes the request's.
  std::string_view to = {};
};

// Writes it and returns its length; 0 where it does not fit. `request` is the INVITE as it was
// received, or its remnant. Max-Forwards is 70; no body.
[[nodiscard]] size_t build_hop_request(const Message& request, const HopRequest& options,
                                       std::span<char> out);

// Writes the ACK to a response of 300 or above from the response alone, when nothing else is
// remembered: From, To, Call-ID and CSeq number of it, its top Via, and `uri` as Request-URI. A
// server finds the transaction by the Via (17.2.3).
[[nodiscard]] size_t build_ack_from_response(const Message& response, std::string_view uri,
                                             std::span<char> out);

// Writes an ACK or BYE within the dialog that `response`, a 2xx to an INVITE, made, as its caller
// would send it (13.2.2.4, 15.1.1): Request-URI = its Contact, Route = those of its Record-Routes
// that stand before `own_record_route` (they were added behind us), in reverse order; From, To and
// Call-ID of it; CSeq the same number for an ACK, one more for a BYE. `own_record_route` is the
// first octet of our own entry, null where there is none: then there is no Route at all. Each Route
// is taken for a loose one. 0 also where there is no Contact that is a URI, and where there are
// more than kDialogRoutesMax Routes.
inline constexpr size_t kDialogRoutesMax = 70;  // the hops that Max-Forwards allows
struct DialogRequest {
  Method method = Method::Ack;  // Ack or Bye
  std::string_view via;
  const char* own_record_route = nullptr;
};
[[nodiscard]] size_t build_dialog_request(const Message& response, const DialogRequest& options,
                                          std::span<char> out);

}  // namespace siplb::sip
