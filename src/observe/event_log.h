// The event log: one line per event, for people (text) or machines (json), on standard error.
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

namespace spdlog::sinks {
class sink;
}

namespace siplb::observe {

enum class LogFormat : uint8_t { Text, Json };
enum class LogLevel : uint8_t { Debug, Info, Warning, Error };

struct LogField {
  std::string_view name;
  std::string_view value;
};

// What a server's number in an event reads as.
struct ServerName {
  std::string group;
  std::string server;
};

class EventLog {
 public:
  struct Options {
    LogLevel level = LogLevel::Info;
    LogFormat format = LogFormat::Text;
    std::vector<ServerName> servers;            // by balance::ServerIndex
    std::shared_ptr<spdlog::sinks::sink> sink;  // null: standard error
  };

  explicit EventLog(Options options);
  // Writes what the rings still hold, then ends the thread.
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // Writes one event. Text: "info listening listener=public transport=udp address=…"; JSON: an
  // object with time, level, event and the fields, in this order.
  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);

  // A ring whose events the log's thread writes from now on. Lives as long as the log.
  [[nodiscard]] EventRing& add_ring();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace siplb::observe
