// A scenario's text, taken apart into statements: one per line, with the indented lines below it.
//
// Empty lines and lines that start with '#' are skipped; within a block they end nothing.
// Thread: one.
#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/time.h"
#include "sip/method.h"

namespace siplb::test {

struct Statement {
  size_t line = 0;
  std::vector<std::string> words;
  std::string text;                // the line as it stands
  std::vector<std::string> block;  // the indented lines, without their common indentation
};

// The script itself is wrong: nothing of it can be played.
class ScriptError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

[[nodiscard]] std::vector<Statement> parse_script(std::string_view text);

using Words = std::vector<std::string>;
// Words between spaces.
[[nodiscard]] Words split_words(std::string_view line);
// The words from position `from` on, with a space between them.
[[nodiscard]] std::string joined(const Words& words, size_t from);
// "Name: value" as both parts; nothing where the line is no header.
[[nodiscard]] std::optional<std::pair<std::string, std::string>> split_header(
    const std::string& line);
// "10ms", "5s", "2m", "4h", "61d" since the beginning. Throws ScriptError.
[[nodiscard]] Instant read_time(const std::string& text);
// As read_time() takes it, in milliseconds.
[[nodiscard]] std::string time_text(Instant at);
// An address without a port. Throws ScriptError.
[[nodiscard]] SockAddress read_ip(const std::string& text);
// "udp" or "tcp". Throws ScriptError.
[[nodiscard]] sip::Transport read_transport(const std::string& text);
// Undoes \r \n \0 and \\, as in C.
[[nodiscard]] std::string unescape(const std::string& text);

}  // namespace siplb::test
