// Names in the file that stand for what was read before: listeners, groups, methods.
//
// Thread: one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/section.h"
#include "config/suggest.h"

namespace siplb::config {

// The position of the element called `node.text`; what is not there is added to the faults.
template <class Named>
std::optional<size_t> find_named(std::string_view what, const std::vector<Named>& elements,
                                 const YamlNode& node, const ReadContext& context) {
  std::vector<std::string_view> names;
  for (size_t i = 0; i < elements.size(); ++i) {
    if (elements[i].name == node.text) return i;
    names.push_back(elements[i].name);
  }
  context.faults.add(node.place, std::string("there is no ").append(what).append(" ") +
                                     shown(node.text) + suggestion(node.text, names));
  return std::nullopt;
}

inline std::optional<size_t> find_listener(const YamlNode& node, const ReadContext& context) {
  return find_named("listener", context.configuration.listeners, node, context);
}

}  // namespace siplb::config
