#include "config/section.h"

#include <algorithm>

#include "config/suggest.h"

namespace siplb::config {
namespace {

std::string description(const YamlNode& value) {
  switch (value.kind) {
    case YamlNode::Kind::Plain: return shown(value.text);
    case YamlNode::Kind::Quoted: return "the quoted text " + shown(value.text);
    case YamlNode::Kind::List: return "a list of " + std::to_string(value.items.size());
    case YamlNode::Kind::Map: return "a map";
    case YamlNode::Kind::Null:
    case YamlNode::Kind::Broken: break;
  }
  return "nothing";
}

}  // namespace

void refuse_value(std::string_view key, std::string_view takes, const YamlNode& value,
                  FaultList& faults) {
  faults.add(value.place,
             shown(key).append(" takes ").append(takes).append(", not ") + description(value));
}

void refuse_item(std::string_view expected, const YamlNode& item, FaultList& faults) {
  faults.add(item.place,
             std::string(expected).append(" was expected here, not ") + description(item));
}

void refuse_unknown_key(const YamlEntry& entry, std::span<const std::string_view> known,
                        FaultList& faults) {
  if (std::find(known.begin(), known.end(), entry.key) != known.end()) return;
  faults.add(entry.place, "unknown key " + shown(entry.key) + suggestion(entry.key, known));
}

}  // namespace siplb::config
