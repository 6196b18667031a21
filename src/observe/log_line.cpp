#include "observe/log_line.h"

#include <algorithm>
#include <cctype>

#include <spdlog/fmt/chrono.h>

namespace siplb::observe {
namespace {

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::Debug: return "debug";
    case LogLevel::Info: return "info";
    case LogLevel::Warning: return "warning";
    case LogLevel::Error: return "error";
  }
  return "error";
}

// As syslog(3) numbers them.
char priority_of(LogLevel level) {
  switch (level) {
    case LogLevel::Debug: return '7';
    case LogLevel::Info: return '6';
    case LogLevel::Warning: return '4';
    case LogLevel::Error: return '3';
  }
  return '3';
}

std::string time_text(std::chrono::system_clock::time_point time) {
  const auto since = time.time_since_epoch();
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(since).count() % 1000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(time)), millis);
}

bool is_printable(char octet) {
  return octet >= 0x20 && octet < 0x7f;
}

void append_json(std::string& line, std::string_view text) {
  line += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (is_printable(c)) {
      line += c;
    } else {
      line += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  line += '"';
}

// Values with a space or a quote are quoted, so that a line can be taken apart again.
void append_text(std::string& line, std::string_view text) {
  const bool is_plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_printable(c) && std::string_view(" \"\\=").find(c) == std::string_view::npos;
  });
  if (is_plain) {
    line += text;
  } else {
    append_json(line, text);
  }
}

// "SIPLB_" and the name as the journal takes it: capitals, digits and underscores.
std::string journal_name(std::string_view name) {
  std::string out = "SIPLB_";
  for (const char c : name) {
    const auto octet = static_cast<unsigned char>(c);
    out += std::isalnum(octet) != 0 ? static_cast<char>(std::toupper(octet)) : '_';
  }
  return out;
}

// What people read: all but the level.
std::string message_text(const LogLine& line) {
  std::string out(line.event);
  for (const LogField& field : line.fields) {
    out += ' ';
    out += field.name;
    out += '=';
    append_text(out, field.value);
  }
  return out;
}

}  // namespace

std::string json_line(const LogLine& line) {
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

std::string text_line(const LogLine& line) {
  return std::string(level_name(line.level)) + ": " + message_text(line);
}

std::vector<std::string> journal_fields(const LogLine& line) {
  std::vector<std::string> out;
  out.push_back(std::string("PRIORITY=") + priority_of(line.level));
  out.push_back("SYSLOG_IDENTIFIER=siplbd");
  out.push_back("MESSAGE=" + message_text(line));
  out.push_back("SIPLB_EVENT=" + std::string(line.event));
  for (const LogField& field : line.fields) {
    out.push_back(journal_name(field.name) + '=' + std::string(field.value));
  }
  return out;
}

std::string without_password(std::string_view first_line) {
  const size_t scheme = first_line.find("sip");
  const size_t at = first_line.find('@', scheme);
  if (scheme == std::string_view::npos || at == std::string_view::npos) {
    return std::string(first_line);
  }
  const size_t user = first_line.find(':', scheme);
  const size_t password = first_line.find(':', user + 1);
  if (user > at || password > at) return std::string(first_line);
  std::string out(first_line.substr(0, password + 1));
  return out.append("***").append(first_line.substr(at));
}

}  // namespace siplb::observe
