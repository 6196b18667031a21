// The token of a dialog that a request may open: who its two ends are (SIP.md, 2).
//
// Thread: any, pure.
#pragma once

#include "proxy/request.h"
#include "proxy/snapshot.h"

namespace siplb::proxy {

// Empty where `request`, on its way to `server`, opens no dialog, or where the server's group wants
// no Record-Route.
[[nodiscard]] sip::TokenText dialog_token(const Snapshot& snapshot, const Request& request,
                                          const balance::Server& server);

}  // namespace siplb::proxy
