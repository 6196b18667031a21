#include "ctl/request_draft.h"

#include <algorithm>
#include <cctype>

namespace siplb::ctl {
namespace {

struct Line {
  std::string name;
  std::string value;
};

bool equal_caseless(const std::string& one, const std::string& other) {
  return std::equal(
      one.begin(), one.end(), other.begin(), other.end(),
      [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string name_addr(const std::string& text) {
  const bool is_value = text.find('<') != std::string::npos;
  return is_value ? text : '<' + text + '>';
}

std::string with_tag(const std::string& value) {
  return value.find(";tag=") == std::string::npos ? value + ";tag=route-test" : value;
}

Line parse_line(const std::string& text) {
  const size_t colon = text.find(':');
  if (colon == std::string::npos) return {.name = text, .value = {}};
  const size_t begin = text.find_first_not_of(' ', colon + 1);
  return {text.substr(0, colon), begin == std::string::npos ? "" : text.substr(begin)};
}

// Of these a message may have many, so that another one is one more.
bool may_repeat(const std::string& name) {
  static constexpr const char* kRepeated[] = {"Via", "Route", "Record-Route"};
  return std::any_of(std::begin(kRepeated), std::end(kRepeated),
                     [&name](const char* other) { return equal_caseless(name, other); });
}

void put(std::vector<Line>& lines, const Line& line) {
  const auto found = std::find_if(lines.begin(), lines.end(), [&line](const Line& other) {
    return equal_caseless(other.name, line.name);
  });
  if (found == lines.end() || may_repeat(line.name)) {
    lines.push_back(line);
  } else {
    found->value = line.value;
  }
}

}  // namespace

std::string write_request(const RequestDraft& draft) {
  const std::string branch = ";branch=z9hG4bK-route-test;rport";
  std::vector<Line> lines = {
      {"Via", "SIP/2.0/" + upper(draft.transport) + ' ' + draft.source + branch},
      {"Max-Forwards", "70"},
      {"From", with_tag(name_addr(draft.from))},
      {"To", name_addr(draft.to.empty() ? draft.uri : draft.to)},
      {"Call-ID", "route-test"},
      {"CSeq", "1 " + draft.method},
      {"Contact", "<sip:" + draft.source + '>'}};
  for (const std::string& header : draft.headers) put(lines, parse_line(header));
  put(lines, {"Content-Length", "0"});
  std::string text = draft.method + ' ' + draft.uri + " SIP/2.0\r\n";
  for (const Line& line : lines) text += line.name + ": " + line.value + "\r\n";
  return text + "\r\n";
}

std::string with_line_ends(const std::string& text) {
  std::string out;
  const bool has_line_ends = text.find("\r\n") != std::string::npos;
  for (const char c : text) {
    if (c == '\n' && !has_line_ends) out += '\r';
    out += c;
  }
  if (out.find("\r\n\r\n") != std::string::npos) return out;
  return out + (out.ends_with("\r\n") ? "\r\n" : "\r\n\r\n");
}

}  // namespace siplb::ctl
