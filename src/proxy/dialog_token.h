// The tokens that we write into a request: where the two ends of the dialog are that it may open,
// and where the client is that registers by it (SIP.md, 2).
//
// Thread: any, pure.
#pragma once

#include "proxy/request.h"
#include "proxy/snapshot.h"
#include "proxy/target.h"

namespace siplb::proxy {

// For the Record-Route. Empty where `request`, on its way to `target`, opens no dialog, or where
// the group of its server wants no Record-Route, or where no server is at either end.
[[nodiscard]] sip::TokenText dialog_token(const Snapshot& snapshot, const Request& request,
                                          const Target& target);

// For the Path of a REGISTER (RFC 3327) on its way to `target`. Empty where no server is there, and
// where the client
// needs none: its requests come from where its Via and Contact say, and it does not ask for it.
[[nodiscard]] sip::TokenText path_token(const Snapshot& snapshot, const Request& request,
                                        const Target& target);

}  // namespace siplb::proxy
