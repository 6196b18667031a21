#include "stage/manifest.h"

#include <sstream>
#include <stdexcept>

namespace siplb::test {
namespace {

// "reply 400": what follows a verdict's first word, up to the end of the line or its "with".
void read_verdict(std::istringstream& words, Entry& entry) {
  for (std::string word; words >> word;) {
    if (word == "with") {
      std::getline(words >> std::ws, entry.text);
      return;
    }
    entry.verdict += (entry.verdict.empty() ? "" : " ") + word;
  }
}

Entry parse_entry(const std::string& line) {
  std::istringstream words(line);
  Entry entry;
  words >> entry.file;
  if (entry.file.empty()) return entry;
  std::string word;
  words >> word;
  if (word == "from") {
    words >> word;
    if (word != "server") throw std::runtime_error("from whom?");
    entry.origin = Origin::Server;
    words >> word;
  }
  if (word == "restarted") {
    entry.memory = Memory::Lost;
    words >> word;
  }
  if (word == "after") {
    words >> entry.before >> word;
  } else if (entry.memory == Memory::Lost) {
    throw std::runtime_error("restarted after what?");
  }
  entry.verdict = word;
  read_verdict(words, entry);
  if (entry.verdict.empty()) throw std::runtime_error("and then?");
  return entry;
}

}  // namespace

std::vector<Entry> parse_manifest(std::string_view text) {
  std::vector<Entry> entries;
  std::istringstream lines{std::string(text)};
  size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::string said = line.substr(0, line.find('#'));
    said.erase(said.find_last_not_of(' ') + 1);
    try {
      Entry entry = parse_entry(said);
      entry.line = number;
      if (!entry.file.empty()) entries.push_back(std::move(entry));
    } catch (const std::runtime_error& error) {
      throw std::runtime_error("line " + std::to_string(number) + ": " + error.what());
    }
  }
  return entries;
}

}  // namespace siplb::test
