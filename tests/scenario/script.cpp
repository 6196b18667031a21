#include "scenario/script.h"

#include <algorithm>
#include <sstream>

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

std::vector<std::string> split_words(std::string_view line) {
  std::istringstream stream{std::string(line)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
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
