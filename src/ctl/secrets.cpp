#include "ctl/secrets.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>
#include <string_view>
#include <utility>

namespace siplb::ctl {
namespace {

constexpr std::string_view kRemoved = "(removed)";
constexpr std::array<std::string_view, 4> kWords = {"password", "passwd", "passphrase", "secret"};
constexpr size_t kNone = std::string::npos;

std::string lowered(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// "sip:alice:PASSWORD@host"
std::string without_uri_passwords(std::string line) {
  size_t at = 0;
  while ((at = line.find('@', at)) != kNone) {
    const size_t before = line.find_last_of(" \t\"'<{[,", at);
    const size_t start = before == kNone ? 0 : before + 1;
    const std::string uri = lowered(line.substr(start, at - start));
    const size_t user = uri.starts_with("sip:") ? 4 : uri.starts_with("sips:") ? 5 : kNone;
    const size_t colon = user == kNone ? kNone : uri.find(':', user);
    if (colon != kNone) {
      line.replace(start + colon + 1, at - start - colon - 1, kRemoved);
      at = start + colon + 1 + kRemoved.size();
    }
    ++at;
  }
  return line;
}

// Where the value begins that belongs to the word at `at`: behind its ':' or '='. kNone: nowhere.
size_t value_behind(const std::string& line, size_t at) {
  const auto is_of_word = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  while (at < line.size() && is_of_word(static_cast<unsigned char>(line[at]))) ++at;
  if (at < line.size() && (line[at] == '"' || line[at] == '\'')) ++at;
  at = std::min(line.find_first_not_of(" \t", at), line.size());
  if (at == line.size() || (line[at] != ':' && line[at] != '=')) return kNone;
  return line.find_first_not_of(" \t", at + 1);
}

size_t end_of_value(const std::string& line, size_t value) {
  const bool is_quoted = line[value] == '"' || line[value] == '\'';
  const size_t end =
      is_quoted ? line.find(line[value], value + 1) : line.find_first_of(" \t,}", value);
  return end == kNone ? line.size() : is_quoted ? end + 1 : end;
}

std::string without_values_of(std::string_view word, std::string line) {
  for (size_t at = lowered(line).find(word); at != kNone; at = lowered(line).find(word, at)) {
    const size_t value = value_behind(line, at);
    at += word.size();
    if (value == kNone) continue;
    line.replace(value, end_of_value(line, value) - value, kRemoved);
    at = value;
  }
  return line;
}

}  // namespace

std::string without_secrets(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line = without_uri_passwords(std::move(line));
    for (const std::string_view word : kWords) line = without_values_of(word, std::move(line));
    out += line + '\n';
  }
  return out;
}

}  // namespace siplb::ctl
