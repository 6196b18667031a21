#include "scenario/script.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>

#include "sip/text.h"

namespace siplb::test {
namespace {

bool is_comment(std::string_view line) {
  const size_t first = line.find_first_not_of(' ');
  return first == std::string_view::npos || line[first] == '#';
}

void unindent(std::vector<std::string>& block) {
  size_t common = std::string::npos;
  for (const std::string& line : block) common = std::min(common, line.find_first_not_of(' '));
  for (std::string& line : block) line.erase(0, common);
}

}  // namespace

Words split_words(std::string_view line) {
  std::istringstream stream{std::string(line)};
  Words words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::string joined(const Words& words, size_t from) {
  std::string text;
  for (size_t i = from; i < words.size(); ++i) text += (i > from ? " " : "") + words[i];
  return text;
}

std::optional<std::pair<std::string, std::string>> split_header(const std::string& line) {
  const size_t colon = line.find(':');
  if (colon == std::string::npos || line.find(' ') < colon) return std::nullopt;
  return std::pair{line.substr(0, colon), std::string(sip::trim(line.substr(colon + 1)))};
}

Instant read_time(const std::string& text) {
  static const std::map<std::string, Duration> kUnits = {{"ms", std::chrono::milliseconds(1)},
                                                         {"s", std::chrono::seconds(1)},
                                                         {"m", std::chrono::minutes(1)},
                                                         {"h", std::chrono::hours(1)},
                                                         {"d", std::chrono::days(1)}};
  int64_t number = 0;
  const char* const text_end = text.data() + text.size();
  const auto [end, status] = std::from_chars(text.data(), text_end, number);
  const auto unit = kUnits.find(std::string(end, text_end));
  if (status != std::errc() || unit == kUnits.end()) throw ScriptError("no time: " + text);
  return Instant{number * unit->second};
}

std::string time_text(Instant at) {
  using std::chrono::milliseconds;
  return std::to_string(std::chrono::duration_cast<milliseconds>(at.time_since_epoch()).count()) +
         "ms";
}

SockAddress read_ip(const std::string& text) {
  const auto address = SockAddress::parse_ip(text, 0);
  if (!address) throw ScriptError("no address: " + text);
  return *address;
}

sip::Transport read_transport(const std::string& text) {
  if (text == "udp") return sip::Transport::Udp;
  if (text == "tcp") return sip::Transport::Tcp;
  throw ScriptError("no transport: " + text);
}

std::string unescape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    switch (text[++i]) {
      case 'r': out += '\r'; break;
      case 'n': out += '\n'; break;
      case '0': out += '\0'; break;
      default: out += text[i];
    }
  }
  return out;
}

std::vector<Statement> parse_script(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<Statement> statements;
  std::string line;
  for (size_t number = 1; std::getline(stream, line); ++number) {
    if (is_comment(line)) continue;
    if (line.front() == ' ') {
      if (statements.empty()) throw ScriptError("the first line is indented");
      statements.back().block.push_back(line);
    } else {
      statements.push_back({.line = number, .words = split_words(line), .text = line, .block = {}});
    }
  }
  for (Statement& statement : statements) unindent(statement.block);
  return statements;
}

}  // namespace siplb::test
