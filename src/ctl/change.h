// The verbs that change something: servers, the node's draining, its configuration.
//
// Thread: one.
#pragma once

#include "ctl/verb.h"

namespace siplb::ctl {

int set_server(const Command& command, const Streams& streams);
// With --wait it ends when no call is left, or with kExitRefused where somebody has ended the
// draining before.
int drain(const Command& command, const Streams& streams);
int reload(const Command& command, const Streams& streams);

}  // namespace siplb::ctl
