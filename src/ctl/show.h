// The verbs that only show: each asks for one thing and prints it.
//
// Thread: one.
#pragma once

#include "ctl/verb.h"

namespace siplb::ctl {

int show_servers(const Command& command, const Streams& streams);
int show_server(const Command& command, const Streams& streams);
int why_down(const Command& command, const Streams& streams);
int show_groups(const Command& command, const Streams& streams);
int show_listeners(const Command& command, const Streams& streams);
int show_workers(const Command& command, const Streams& streams);
int show_connections(const Command& command, const Streams& streams);
int show_memory(const Command& command, const Streams& streams);
int show_key(const Command& command, const Streams& streams);
int bans(const Command& command, const Streams& streams);
// The last ones; with --follow those that come as well, until the process is ended.
int show_events(const Command& command, const Streams& streams);

}  // namespace siplb::ctl
