// A scenario's text, taken apart into statements: one per line, with the indented lines below it.
//
// Empty lines and lines that start with '#' are skipped; within a block they end nothing.
// Thread: one.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

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

// Words between spaces.
[[nodiscard]] std::vector<std::string> split_words(std::string_view line);

}  // namespace siplb::test
