// The tokens that we write into a request: where the two ends of the dialog are that it may open,
// and where the client is that registers by it (SIP.md, 2).
//
// Thread: any, pure.
#pragma once

#include "proxy/request.h"
#include "proxy/snapshot.h"
#include "proxy/target.h"

namespace siplb::proxy {

// The end of a dialog at which a client is that is reached by `flow`.
[[nodiscard]] sip::TokenEnd client_end(const Snapshot& snapshot, const transport::Flow& flow);

// True where it has a To tag. A caller of RFC 2543 has none, so requests to it have none either;
// but its dialog has a token.
[[nodiscard]] bool is_in_dialog(const Request& request, const sip::Seal& seal);

// For the Record-Route. Within a dialog its own, where the request may change where its ends are.
// Else empty where `request`, on its way to `target`, opens no dialog, or where the group of its
// server wants no Record-Route, or where no server is at either end.
[[nodiscard]] sip::TokenText dialog_token(const Snapshot& snapshot, const Request& request,
                                          const Target& target);

// For the Path of a REGISTER (RFC 3327) on its way to `target`. Empty where no server is there, and
// where the client needs none: it has no stream, its requests come from where its Via and Contact
// say, and it does not ask for it.
[[nodiscard]] sip::TokenText path_token(const Snapshot& snapshot, const Request& request,
                                        const Target& target);

}  // namespace siplb::proxy
