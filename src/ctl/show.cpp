#include "ctl/show.h"

#include <chrono>
#include <ostream>
#include <thread>

#include "ctl/ask.h"
#include "ctl/tables.h"
#include "ctl/view_tables.h"

namespace siplb::ctl {
namespace {

// How often who follows looks for events.
constexpr std::chrono::milliseconds kFollowPeriod{250};

int show(const Command& command, const Streams& streams, const std::string& path, ToText to_text) {
  return print(command, streams, ask(command, streams, path), to_text);
}

std::string path_of(const Command& command) {
  return "/v1/servers/" + command.value("server");
}

}  // namespace

int show_servers(const Command& command, const Streams& streams) {
  return show(command, streams, "/v1/servers", servers_table);
}

int show_server(const Command& command, const Streams& streams) {
  return show(command, streams, path_of(command), server_sheet);
}

int why_down(const Command& command, const Streams& streams) {
  return show(command, streams, path_of(command), why_down_text);
}

int show_groups(const Command& command, const Streams& streams) {
  return show(command, streams, "/v1/groups", groups_table);
}

int show_listeners(const Command& command, const Streams& streams) {
  return show(command, streams, "/v1/listeners", listeners_table);
}

int show_workers(const Command& command, const Streams& streams) {
  return show(command, streams, "/v1/workers", workers_table);
}

int show_connections(const Command& command, const Streams& streams) {
  return show(command, streams, "/v1/connections", connections_table);
}

int show_memory(const Command& command, const Streams& streams) {
  return show(command, streams, "/v1/memory", memory_table);
}

int show_key(const Command& command, const Streams& streams) {
  return show(command, streams, "/v1/key", key_text);
}

int bans(const Command& command, const Streams& streams) {
  return show(command, streams, "/v1/bans", bans_table);
}

int show_events(const Command& command, const Streams& streams) {
  const std::string last = command.value("--last");
  Asked asked = ask(command, streams, "/v1/events" + (last.empty() ? "" : "?last=" + last));
  if (!command.has("--follow")) {
    return print(command, streams, asked, last_events_text);
  }
  while (const auto* body = std::get_if<std::string>(&asked)) {
    streams.out << (command.output == Output::Json ? event_objects(*body) : events_text(*body))
                << std::flush;
    std::this_thread::sleep_for(kFollowPeriod);
    asked = ask(command, streams, "/v1/events?since=" + next_event(*body));
  }
  return *std::get_if<int>(&asked);
}

}  // namespace siplb::ctl
