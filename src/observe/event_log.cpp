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

#include <unistd.h>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "balance/health.h"
#include "balance/pool_status.h"
#include "health/priority.h"
#include "observe/journal.h"
#include "proxy/counters.h"

namespace siplb::observe {
namespace {

LogLevel level_of(EventSeverity severity) {
  switch (severity) {
    case EventSeverity::Info: return LogLevel::Info;
    case EventSeverity::Warning: return LogLevel::Warning;
    case EventSeverity::Error: return LogLevel::Error;
  }
  return LogLevel::Error;
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
      : level_(options.level),
        format_(options.format),
        logger_("siplb", options.sink ? std::move(options.sink) : standard_error()) {
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

  void write(const LogLine& line) {
    if (line.level < level_.load(std::memory_order_relaxed)) return;
    std::string json = json_line(line);
    if (format_ != LogFormat::Journal || !write_to_journal(journal_fields(line))) {
      logger_.info(format_ == LogFormat::Json ? json : text_line(line));
    }
    memory_.add(std::move(json));
  }

  [[nodiscard]] const EventMemory& memory() const { return memory_; }

  EventRing& add_ring() {
    const std::lock_guard lock(rings_mutex_);
    return rings_.emplace_back(bell_);
  }

  void set_level(LogLevel level) { level_.store(level, std::memory_order_relaxed); }

  void set_names(const EventNames& names) {
    const std::lock_guard lock(rings_mutex_);
    names_.servers.resize(names.servers.size());
    for (size_t i = 0; i < names.servers.size(); ++i) {
      if (!names.servers[i].server.empty()) names_.servers[i] = names.servers[i];
    }
    names_.groups.resize(names.groups.size());
    for (size_t i = 0; i < names.groups.size(); ++i) {
      if (!names.groups[i].empty()) names_.groups[i] = names.groups[i];
    }
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
    if (event.remote.family() != SockAddress::Family::None) {
      fields.add("from", std::string(event.remote.text()));
    }
    for (size_t i = 0; i < info.args.size(); ++i) {
      if (!info.args[i].name.empty()) add_arg(fields, info.args[i], event.args[i]);
    }
    switch (info.text) {
      case EventText::FirstLine: fields.add("first_line", without_password(event.text)); break;
      case EventText::CallId: fields.add("call_id", std::string(event.text.view())); break;
      case EventText::None: break;
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
    if (arg.kind == EventArgKind::Server && index == balance::kNoServer) return;
    if (arg.kind == EventArgKind::Server && index < names_.servers.size()) {
      fields.add("group", names_.servers[index].group);
      fields.add(arg.name, names_.servers[index].server);
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
      case EventArgKind::DropReason:
        return std::string(proxy::name(static_cast<proxy::DropReason>(value)));
      case EventArgKind::ErrorNumber:
        return std::generic_category().message(static_cast<int>(value));
      case EventArgKind::Number:
      case EventArgKind::Server: break;
    }
    return std::to_string(value);
  }

  [[nodiscard]] std::string group_name(size_t group) const {
    return group < names_.groups.size() ? names_.groups[group] : std::to_string(group);
  }

  std::atomic<LogLevel> level_;
  const LogFormat format_;
  spdlog::logger logger_;
  EventMemory memory_;
  EventBell bell_;
  std::mutex rings_mutex_;
  std::deque<EventRing> rings_;  // under rings_mutex_
  EventNames names_;             // under rings_mutex_
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

LogFormat suitable_format() {
  if (has_journal()) return LogFormat::Journal;
  return isatty(STDERR_FILENO) == 1 ? LogFormat::Text : LogFormat::Json;
}

EventLog::EventLog(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
EventLog::~EventLog() = default;

void EventLog::write(LogLevel level, std::string_view event,
                     std::initializer_list<LogField> fields) {
  impl_->write({std::chrono::system_clock::now(), level, event, fields});
}

void EventLog::set_names(const EventNames& names) {
  impl_->set_names(names);
}

void EventLog::set_level(LogLevel level) {
  impl_->set_level(level);
}

EventRing& EventLog::add_ring() {
  return impl_->add_ring();
}

const EventMemory& EventLog::memory() const {
  return impl_->memory();
}

}  // namespace siplb::observe
