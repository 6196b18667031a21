#include "observe/event_log.h"

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <spdlog/fmt/chrono.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "balance/health.h"
#include "balance/pool_status.h"
#include "health/priority.h"
#include "proxy/counters.h"

namespace siplb::observe {
namespace {

using WallTime = std::chrono::system_clock::time_point;

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::Debug: return "debug";
    case LogLevel::Info: return "info";
    case LogLevel::Warning: return "warning";
    case LogLevel::Error: return "error";
  }
  return "error";
}

LogLevel level_of(EventSeverity severity) {
  switch (severity) {
    case EventSeverity::Info: return LogLevel::Info;
    case EventSeverity::Warning: return LogLevel::Warning;
    case EventSeverity::Error: return LogLevel::Error;
  }
  return LogLevel::Error;
}

std::string time_text(WallTime time) {
  const auto since = time.time_since_epoch();
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(since).count() % 1000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(time)), millis);
}

void append_json(std::string& line, std::string_view text) {
  line += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      line += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      line += c;
    }
  }
  line += '"';
}

// Values with a space or a quote are quoted, so that a line can be taken apart again.
void append_text(std::string& line, std::string_view text) {
  const bool plain = !text.empty() && text.find_first_of(" \"\\\t\r\n=") == std::string_view::npos;
  if (plain) {
    line += text;
  } else {
    append_json(line, text);
  }
}

struct Line {
  WallTime time;
  LogLevel level;
  std::string_view event;
  std::span<const LogField> fields;
};

std::string json_line(const Line& line) {
  std::string out = "{\"time\":\"" + time_text(line.time) + "\",\"level\":\"";
  out += level_name(line.level);
  out += "\",\"event\":";
  append_json(out, line.event);
  for (const LogField& field : line.fields) {
    out += ',';
    append_json(out, field.name);
    out += ':';
    append_json(out, field.value);
  }
  out += '}';
  return out;
}

// Without the time: the journal, or whoever reads standard error, adds its own.
std::string text_line(const Line& line) {
  std::string out(level_name(line.level));
  out += ": ";
  out += line.event;
  for (const LogField& field : line.fields) {
    out += ' ';
    out += field.name;
    out += '=';
    append_text(out, field.value);
  }
  return out;
}

// The fields of one event, and the values that they show.
class Fields {
 public:
  // The name must outlive this.
  void add(std::string_view name, std::string value) {
    const std::string& kept = values_.emplace_back(std::move(value));
    fields_.push_back({name, kept});
  }
  [[nodiscard]] std::span<const LogField> view() const { return fields_; }

 private:
  std::deque<std::string> values_;  // stay where they are as others come
  std::vector<LogField> fields_;
};

}  // namespace

class EventLog::Impl {
 public:
  explicit Impl(Options options)
      : options_(std::move(options)),
        logger_("siplb", options_.sink ? options_.sink : standard_error()) {
    logger_.set_pattern("%v");
    logger_.set_level(spdlog::level::trace);
    logger_.flush_on(spdlog::level::trace);
    thread_ = std::thread([this] { run(); });
  }

  ~Impl() {
    stopping_.store(true);
    bell_.ring();
    thread_.join();
  }

  void write(const Line& line) {
    if (line.level < options_.level) return;
    logger_.info(options_.format == LogFormat::Json ? json_line(line) : text_line(line));
  }

  EventRing& add_ring() {
    const std::lock_guard lock(rings_mutex_);
    return rings_.emplace_back(bell_);
  }

 private:
  static spdlog::sink_ptr standard_error() {
    return std::make_shared<spdlog::sinks::stderr_sink_mt>();
  }

  void run() {
    while (true) {
      const uint32_t seen = bell_.count();
      // Read before the rings, so that what was posted before the stop is still written.
      const bool last = stopping_.load();
      if (drain()) continue;
      if (last) return;
      bell_.wait(seen);
    }
  }

  // False where all rings were empty.
  bool drain() {
    bool any = false;
    const std::lock_guard lock(rings_mutex_);
    for (EventRing& ring : rings_) {
      while (const auto event = ring.try_take()) {
        write_event(*event);
        any = true;
      }
    }
    return any;
  }

  void write_event(const Event& event) {
    const EventInfo& info = event_info(event.id);
    Fields fields;
    if (event.lane != kNoLane) fields.add("lane", std::to_string(event.lane));
    for (size_t i = 0; i < info.args.size(); ++i) {
      if (!info.args[i].name.empty()) add_arg(fields, info.args[i], event.args[i]);
    }
    if (event.suppressed_count > 0) {
      fields.add("suppressed", std::to_string(event.suppressed_count));
    }
    const auto age = Clock::now() - event.at;
    const auto time = std::chrono::system_clock::now() -
                      std::chrono::duration_cast<std::chrono::system_clock::duration>(age);
    write({time, level_of(info.severity), info.message, fields.view()});
  }

  void add_arg(Fields& fields, const EventArg& arg, int64_t value) const {
    const auto index = static_cast<size_t>(value);
    if (arg.kind == EventArgKind::Server && index < options_.servers.size()) {
      fields.add("group", options_.servers[index].group);
      fields.add(arg.name, options_.servers[index].server);
    } else {
      fields.add(arg.name, value_text(arg.kind, value));
    }
  }

  [[nodiscard]] std::string value_text(EventArgKind kind, int64_t value) const {
    switch (kind) {
      case EventArgKind::FailoverReason:
        return std::string(proxy::name(static_cast<proxy::FailoverReason>(value)));
      case EventArgKind::HealthReason:
        return std::string(balance::name(static_cast<balance::HealthReason>(value)));
      case EventArgKind::OperatorState:
        return std::string(balance::name(static_cast<balance::OperatorState>(value)));
      case EventArgKind::ProbePriority:
        return std::string(health::name(static_cast<health::Priority>(value)));
      case EventArgKind::Group: return group_name(static_cast<size_t>(value));
      case EventArgKind::ErrorNumber:
        return std::generic_category().message(static_cast<int>(value));
      case EventArgKind::Number:
      case EventArgKind::Server: break;
    }
    return std::to_string(value);
  }

  // Groups have their servers together, and at least one each.
  [[nodiscard]] std::string group_name(size_t group) const {
    size_t seen = 0;
    for (size_t s = 0; s < options_.servers.size(); ++s) {
      const std::string& each = options_.servers[s].group;
      if (s > 0 && each != options_.servers[s - 1].group) ++seen;
      if (seen == group) return each;
    }
    return std::to_string(group);
  }

  const Options options_;
  spdlog::logger logger_;
  EventBell bell_;
  std::mutex rings_mutex_;
  std::deque<EventRing> rings_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

EventLog::EventLog(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
EventLog::~EventLog() = default;

void EventLog::write(LogLevel level, std::string_view event,
                     std::initializer_list<LogField> fields) {
  impl_->write({std::chrono::system_clock::now(), level, event, fields});
}

EventRing& EventLog::add_ring() {
  return impl_->add_ring();
}

}  // namespace siplb::observe
