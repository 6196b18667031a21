// The event log: one line per event, for people (text) or machines (json) on standard error, or as
// fields for the journal.
//
// Threads that may take their time write to it directly; workers and the prober post plain events
// into their rings, and the log's own thread takes and formats those (DESIGN 3).
// Thread: any, synchronised inside (spdlog's sinks lock; workers never come here).
// Bounds: one line at a time; rings as in base/event_ring.h.
#pragma once

#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/event.h"
#include "base/event_ring.h"
#include "observe/event_memory.h"
#include "observe/log_line.h"

namespace spdlog::sinks {
class sink;
}

namespace siplb::observe {

enum class LogFormat : uint8_t {
  Text,
  Json,
  Journal,  // text where the journal does not take it
};
// What suits whoever reads standard error: a person at a terminal, the journal, or a machine.
[[nodiscard]] LogFormat suitable_format();

struct ServerName {
  std::string group;
  std::string server;
};

// What the numbers of servers and groups in events read as, by index. Where nobody stands now the
// name is empty.
struct EventNames {
  std::vector<ServerName> servers;
  std::vector<std::string> groups;
};

class EventLog {
 public:
  struct Options {
    LogLevel level = LogLevel::Info;
    LogFormat format = LogFormat::Text;
    std::shared_ptr<spdlog::sinks::sink> sink;  // null: standard error
  };

  explicit EventLog(Options options);
  // Writes what the rings still hold, then ends the thread.
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // Writes one event, as log_line.h says.
  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);

  // From now on. Who has left keeps his name until another has his place.
  void set_names(const EventNames& names);
  void set_level(LogLevel level);

  // A ring whose events the log's thread writes from now on. Lives as long as the log.
  [[nodiscard]] EventRing& add_ring();

  // What was written last, as JSON whatever the format.
  [[nodiscard]] const EventMemory& memory() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace siplb::observe
