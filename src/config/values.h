// What a single value of the file can be: numbers, durations, sizes, words, in their bounds.
//
// A bound is written once, here passed in: it refuses, and it is told to people in `takes`.
// Numbers, durations, sizes and booleans have to be plain; words may be quoted.
// Thread: one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/scalar.h"
#include "config/section.h"

namespace siplb::config {

// Plain text that `parse` makes an optional value of.
template <class Options, class T, class Parse>
Value<Options> plain(T Options::*member, std::string takes, Parse parse) {
  return {std::move(takes),
          [member, parse](const YamlNode& node, Options& options, const ReadContext&) {
            if (node.kind != YamlNode::Kind::Plain) return false;
            const auto value = parse(std::string_view(node.text));
            if (value) options.*member = static_cast<T>(*value);
            return value.has_value();
          }};
}

template <class T>
std::optional<T> within(std::optional<T> value, T lowest, T highest) {
  return value && *value >= lowest && *value <= highest ? value : std::nullopt;
}

template <class Options, class T>
Value<Options> number(T Options::*member, uint64_t lowest, uint64_t highest) {
  return plain(member, "a number from " + std::to_string(lowest) + " to " + std::to_string(highest),
               [=](std::string_view text) { return within(parse_number(text), lowest, highest); });
}

// `auto` is kept as 0.
template <class Options, class T, class Accepts>
Value<Options> number_or_auto(T Options::*member, std::string takes, Accepts accepts) {
  return plain(member, std::move(takes), [=](std::string_view text) -> std::optional<uint64_t> {
    if (text == "auto") return 0;
    const auto number = parse_number(text);
    return number && accepts(*number) ? number : std::nullopt;
  });
}

template <class Options, class T>
Value<Options> duration(T Options::*member, std::chrono::milliseconds lowest,
                        std::chrono::milliseconds highest) {
  return plain(member, "a duration from " + duration_text(lowest) + " to " + duration_text(highest),
               [=](std::string_view text) -> std::optional<T> {
                 const auto value = within(parse_duration(text), lowest, highest);
                 if (!value || *value % T(1) != std::chrono::milliseconds(0)) return std::nullopt;
                 return std::chrono::duration_cast<T>(*value);
               });
}

// `off` is kept as 0.
template <class Options, class T>
Value<Options> duration_or_off(T Options::*member, std::chrono::milliseconds lowest,
                               std::chrono::milliseconds highest) {
  Value<Options> on = duration(member, lowest, highest);
  return {"off or " + on.takes,
          [member, read = std::move(on.read)](const YamlNode& node, Options& options,
                                              const ReadContext& context) {
            const bool is_off = node.is_text() && node.text == "off";
            if (is_off) options.*member = T(0);
            return is_off || read(node, options, context);
          }};
}

template <class Options>
Value<Options> size(size_t Options::*member, uint64_t lowest, uint64_t highest) {
  return plain(member, "a size from " + size_text(lowest) + " to " + size_text(highest),
               [=](std::string_view text) { return within(parse_size(text), lowest, highest); });
}

template <class Options, class T>
Value<Options> rate(T Options::*member, uint64_t lowest, uint64_t highest) {
  return plain(member,
               "a rate from " + std::to_string(lowest) + "/s to " + std::to_string(highest) + "/s",
               [=](std::string_view text) { return within(parse_rate(text), lowest, highest); });
}

template <class Options>
Value<Options> flag(bool Options::*member) {
  return plain(member, "true or false", [](std::string_view text) -> std::optional<bool> {
    if (text == "true") return true;
    if (text == "false") return false;
    return std::nullopt;
  });
}

// Text, plain or quoted, that `accepts` takes.
template <class Options, class Accepts>
Value<Options> text(std::string Options::*member, std::string takes, Accepts accepts) {
  return {std::move(takes),
          [member, accepts](const YamlNode& node, Options& options, const ReadContext&) {
            if (!node.is_text() || !accepts(node.text)) return false;
            options.*member = node.text;
            return true;
          }};
}

// Text, plain or quoted, that `parse` makes an optional value of.
template <class Options, class T, class Parse>
Value<Options> parsed(T Options::*member, std::string takes, Parse parse) {
  return {std::move(takes),
          [member, parse](const YamlNode& node, Options& options, const ReadContext&) {
            if (!node.is_text()) return false;
            const auto value = parse(std::string_view(node.text));
            if (value) options.*member = *value;
            return value.has_value();
          }};
}

template <class Options>
Value<Options> name(std::string Options::*member) {
  return text(member, "a name: 1 to 32 of letters, digits, '-' and '_'", is_name);
}

// One of some words.
template <class Options, class T>
Value<Options> choice(T Options::*member, std::vector<std::pair<std::string_view, T>> words) {
  std::string takes;
  for (const auto& [word, meaning] : words) takes.append(takes.empty() ? "" : " | ").append(word);
  return {takes, [member, words](const YamlNode& node, Options& options, const ReadContext&) {
            if (!node.is_text()) return false;
            for (const auto& [word, meaning] : words) {
              if (node.text != word) continue;
              options.*member = meaning;
              return true;
            }
            return false;
          }};
}

}  // namespace siplb::config
