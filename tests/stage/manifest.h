// The manifest: what must become of each message of the corpus.
//
// Thread: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "stage/stage.h"

namespace siplb::test {

enum class Memory : uint8_t { Kept, Lost };  // of the request that went before

struct Entry {
  size_t line = 0;
  std::string file;  // relative to the corpus
  Origin origin = Origin::Client;
  std::string before;  // the request that is sent first; empty: none
  Memory memory = Memory::Kept;
  std::string verdict;  // as Stage::Outcome says it
  std::string text;     // what must stand in what is sent; empty: anything
};

// Throws std::runtime_error for a line that says nothing.
[[nodiscard]] std::vector<Entry> parse_manifest(std::string_view text);

}  // namespace siplb::test
