// One YAML document as a tree of places and text, in the strict subset that siplb takes.
//
// Built from yaml-cpp's events, not its nodes: events show what nodes hide (repeated keys, anchors,
// tags, quotes) and let the caps stop a hostile file before it is in memory.
// Duplicate keys, aliases, anchors, tags, keys that are no text and a second document are faults.
// Thread: one. Bounds: kNodesMax nodes, kDepthMax levels.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/fault.h"

namespace siplb::config {

inline constexpr size_t kNodesMax = 100'000;
inline constexpr size_t kDepthMax = 16;

struct YamlEntry;

struct YamlNode {
  // Broken: its fault is reported already; whoever reads it stays silent.
  enum class Kind : uint8_t { Null, Plain, Quoted, List, Map, Broken };

  Kind kind = Kind::Null;
  Place place;
  std::string text;                // Plain, Quoted
  std::vector<YamlNode> items;     // List
  std::vector<YamlEntry> entries;  // Map, in the file's order, each key once

  [[nodiscard]] bool is_text() const { return kind == Kind::Plain || kind == Kind::Quoted; }
  // The value of a key; null where this is no map or has no such key.
  [[nodiscard]] const YamlNode* find(std::string_view key) const;
};

struct YamlEntry {
  std::string key;
  Place place;
  YamlNode value;
};

// Reads `text`; what is wrong with it is added to `faults`. An empty document is a Null node.
[[nodiscard]] YamlNode parse_yaml(std::string_view text, FaultList& faults);

}  // namespace siplb::config
