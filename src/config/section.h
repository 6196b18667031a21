// One table per section of the file: which keys there are, what they take, where that goes.
//
// Reading, refusal of unknown keys, suggestions, "not yet supported" and the reference that the
// documentation is tested against all come from these tables (keys.cpp).
// Thread: one. Bounds: those of yaml_tree.h.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/configuration.h"
#include "config/fault.h"
#include "config/yaml_tree.h"

namespace siplb::config {

// What a reader may look at and add to.
struct ReadContext {
  FaultList& faults;
  const std::filesystem::path& base_dir;
  const Configuration& configuration;  // as far as it is read: sections are read in table order
};

// One line of the reference: "limits.headers", "a number from 8 to 128", "128".
struct KeyReference {
  std::string path;
  std::string takes;
  std::string standard;  // the default; kRequired where there is none
  bool supported = true;
};

inline constexpr std::string_view kRequired = "required";

// What a value may be, and where it goes.
template <class Options>
struct Value {
  // False: this is not what it takes. Whatever else is wrong the reader adds to the faults itself.
  using Read = std::function<bool(const YamlNode&, Options&, const ReadContext&)>;

  Value() = default;
  Value(std::string takes_text, Read reader, std::vector<KeyReference> below = {})
      : takes(std::move(takes_text)), read(std::move(reader)), keys_below(std::move(below)) {}

  std::string takes;
  Read read;                             // empty: not yet supported
  std::vector<KeyReference> keys_below;  // of sections and lists of sections
};

template <class Options>
struct Key {
  std::string_view name;
  Value<Options> value;
  std::string_view standard;  // the default as one would write it, or kRequired
};

template <class Options>
using KeyTable = std::vector<Key<Options>>;

// "'headers' takes a number from 8 to 128, not 'many'", at the value.
void refuse_value(std::string_view key, std::string_view takes, const YamlNode& value,
                  FaultList& faults);
// "a network was expected here, not '10'", at the item of a list.
void refuse_item(std::string_view expected, const YamlNode& item, FaultList& faults);
void refuse_unknown_key(const YamlEntry& entry, std::span<const std::string_view> known,
                        FaultList& faults);

template <class Options>
Value<Options> not_yet() {
  return {};
}

template <class Options>
void read_key(const Key<Options>& key, const YamlNode& section, Options& options,
              const ReadContext& context) {
  const YamlNode* value = section.find(key.name);
  if (value == nullptr) {
    if (key.standard != kRequired) return;
    context.faults.add(section.place, shown(key.name) + " is missing");
  } else if (!key.value.read) {
    context.faults.add(value->place, shown(key.name) + " is not yet supported");
  } else if (value->kind != YamlNode::Kind::Broken && !key.value.read(*value, options, context)) {
    refuse_value(key.name, key.value.takes, *value, context.faults);
  }
}

// Reads a map by its table; false where `section` is no map.
template <class Options>
bool read_section(const YamlNode& section, const KeyTable<Options>& table, Options& options,
                  const ReadContext& context) {
  if (section.kind != YamlNode::Kind::Map) return false;
  std::vector<std::string_view> known;
  for (const Key<Options>& key : table) {
    known.push_back(key.name);
    read_key(key, section, options, context);
  }
  for (const YamlEntry& entry : section.entries) refuse_unknown_key(entry, known, context.faults);
  return true;
}

template <class Options>
std::vector<KeyReference> reference_of(const KeyTable<Options>& table) {
  std::vector<KeyReference> lines;
  for (const Key<Options>& key : table) {
    const std::string name(key.name);
    lines.push_back(
        {name, key.value.takes, std::string(key.standard), static_cast<bool>(key.value.read)});
    for (const KeyReference& below : key.value.keys_below) {
      lines.push_back(below);
      lines.back().path.insert(0, below.path.starts_with("[]") ? name : name + ".");
    }
  }
  return lines;
}

// A map within the same options.
template <class Options>
Value<Options> section(const KeyTable<Options>& table) {
  return {"a map",
          [&table](const YamlNode& node, Options& options, const ReadContext& context) {
            return read_section(node, table, options, context);
          },
          reference_of(table)};
}

// A value that goes into a part of the options.
template <class Options, class Part>
Value<Options> of_part(Part Options::*member, Value<Part> value) {
  return {std::move(value.takes),
          [member, read = std::move(value.read)](const YamlNode& node, Options& options,
                                                 const ReadContext& context) {
            return read(node, options.*member, context);
          },
          std::move(value.keys_below)};
}

// A map with options of its own.
template <class Options, class Part>
Value<Options> section(Part Options::*member, const KeyTable<Part>& table) {
  return of_part(member, section(table));
}

// A list of maps, each of which begins as `initial`. Each item gets its place in `member` even
// where it is faulty, so that positions in the list and in the file agree.
template <class Options, class Item>
Value<Options> list(
    std::vector<Item> Options::*member, const KeyTable<Item>& table, size_t count_max,
    std::type_identity_t<Item (*)(const Options&)> initial = [](const Options&) {
      return Item();
    }) {
  const std::string takes = "a list of 1 to " + std::to_string(count_max) + " maps";
  const auto read = [=, &table](const YamlNode& node, Options& options,
                                const ReadContext& context) {
    if (node.kind != YamlNode::Kind::List) return false;
    if (node.items.empty() || node.items.size() > count_max) return false;
    for (const YamlNode& item : node.items) {
      Item& element = (options.*member).emplace_back(initial(options));
      const bool is_map = read_section(item, table, element, context);
      if (!is_map && item.kind != YamlNode::Kind::Broken) {
        refuse_item("a map", item, context.faults);
      }
    }
    return true;
  };
  std::vector<KeyReference> below = reference_of(table);
  for (KeyReference& line : below) line.path.insert(0, "[].");
  return {takes, read, std::move(below)};
}

}  // namespace siplb::config
