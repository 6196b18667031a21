// The Via below ours: whom a response goes to once ours is taken off.
//
// Thread: any, pure; a view into the message.
#pragma once

#include "sip/message.h"

namespace siplb::proxy {

// False where there is none, or one that can't be read.
[[nodiscard]] bool read_next_via(const sip::Message& message, sip::Via& out);

}  // namespace siplb::proxy
