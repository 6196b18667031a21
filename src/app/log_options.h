// What the configuration says of the log, as the log takes it.
//
// Thread: any, pure.
#pragma once

#include "config/configuration.h"
#include "observe/event_log.h"

namespace siplb::app {

[[nodiscard]] inline observe::LogLevel log_level(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::Debug: return observe::LogLevel::Debug;
    case config::LogLevel::Info: return observe::LogLevel::Info;
    case config::LogLevel::Warning: return observe::LogLevel::Warning;
    case config::LogLevel::Error: break;
  }
  return observe::LogLevel::Error;
}

[[nodiscard]] inline observe::LogFormat log_format(config::LogFormat format) {
  switch (format) {
    case config::LogFormat::Text: return observe::LogFormat::Text;
    case config::LogFormat::Json: return observe::LogFormat::Json;
    case config::LogFormat::Auto: break;
  }
  return observe::suitable_format();
}

[[nodiscard]] inline observe::EventLog::Options log_options(const config::LogOptions& options) {
  return {.level = log_level(options.level), .format = log_format(options.format), .sink = nullptr};
}

}  // namespace siplb::app
