// One event as a line: for people, for machines, or as fields of the journal.
//
// What strangers have sent is among the values: control octets and what is not ASCII are escaped or
// replaced, so that a line stays one line and JSON stays JSON.
// Thread: any, pure. Bounds: none of its own; who makes events bounds their texts.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace siplb::observe {

enum class LogLevel : uint8_t { Debug, Info, Warning, Error };

struct LogField {
  std::string_view name;
  std::string_view value;
};

struct LogLine {
  std::chrono::system_clock::time_point time;
  LogLevel level = LogLevel::Info;
  std::string_view event;
  std::span<const LogField> fields;
};

// "info: listening listener=public transport=udp address=…", without the time: the journal, or
// whoever reads standard error, adds its own.
[[nodiscard]] std::string text_line(const LogLine& line);
// An object with time, level, event and the fields, in this order.
[[nodiscard]] std::string json_line(const LogLine& line);
// "PRIORITY=6", "MESSAGE=…", "SIPLB_EVENT=listening", "SIPLB_LISTENER=public" …: see
// systemd.journal-fields(7).
[[nodiscard]] std::vector<std::string> journal_fields(const LogLine& line);

// The first line of a message as it may be logged: a password in its URI is struck out.
[[nodiscard]] std::string without_password(std::string_view first_line);

}  // namespace siplb::observe
