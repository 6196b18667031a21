// The table's part about routes: what they match, and what becomes of it.
#include <algorithm>

#include "config/keys.h"
#include "config/lists.h"
#include "config/references.h"
#include "config/transports.h"
#include "config/values.h"
#include "proxy/pattern.h"
#include "sip/header_names.h"

namespace siplb::config {
namespace {

using proxy::PathMode;
using proxy::PatternText;
using proxy::RouteAction;
using proxy::RouteOptions;

std::optional<size_t> find_method(const YamlNode& node, const ReadContext& context) {
  struct Named {
    std::string_view name;
  };
  static const std::vector<Named> methods = [] {
    std::vector<Named> all;
    for (size_t i = 0; i < static_cast<size_t>(sip::Method::Other); ++i) {
      all.push_back({sip::method_name(static_cast<sip::Method>(i))});
    }
    return all;
  }();
  return find_named("method", methods, node, context);
}

// A list of words, each of which stands for a bit.
template <class Bits, class Find>
Value<RouteOptions> any_of(Bits RouteOptions::*member, std::string takes, Find find) {
  return {std::move(takes),
          [member, find](const YamlNode& node, RouteOptions& route, const ReadContext& context) {
            if (node.kind != YamlNode::Kind::List || node.items.empty()) return false;
            Bits bits = 0;
            for (const YamlNode& item : node.items) {
              if (item.kind == YamlNode::Kind::Broken) continue;
              if (!item.is_text()) return false;
              const auto bit = find(item, context);
              if (bit) bits = static_cast<Bits>(bits | Bits{1} << static_cast<size_t>(*bit));
            }
            route.*member = bits;
            return true;
          }};
}

bool read_from_group(const YamlNode& node, RouteOptions& route, const ReadContext& context) {
  if (!node.is_text()) return false;
  const auto index = find_named("group", context.configuration.groups, node, context);
  if (index) route.from_group = static_cast<balance::GroupIndex>(*index);
  return true;
}

std::string pattern_text() {
  return "text, text* or ~expression: 1 to " + std::to_string(proxy::kPatternOctetsMax) + " octets";
}

// A malformed expression is kept: its fault is enough, and nobody will see it.
bool read_pattern(const YamlNode& node, PatternText& pattern, const ReadContext& context) {
  if (!node.is_text() || node.text.empty()) return false;
  if (node.text.size() > proxy::kPatternOctetsMax) return false;
  if (std::string fault = proxy::pattern_fault(node.text); !fault.empty()) {
    context.faults.add(node.place, shown(node.text) + ": " + fault);
  }
  pattern = node.text;
  return true;
}

Value<RouteOptions> pattern(std::optional<PatternText> RouteOptions::*member) {
  return {pattern_text(),
          [member](const YamlNode& node, RouteOptions& route, const ReadContext& context) {
            return read_pattern(node, (route.*member).emplace(), context);
          }};
}

// The keys of this map are names of headers.
bool read_header_matches(const YamlNode& node, RouteOptions& route, const ReadContext& context) {
  if (node.kind != YamlNode::Kind::Map || node.entries.empty()) return false;
  if (node.entries.size() > proxy::kHeaderMatchesMax) return false;
  for (const YamlEntry& entry : node.entries) {
    const std::string name(sip::long_form(entry.key));
    const auto is_it = [&](const proxy::HeaderMatch& other) { return is_same(other.name, name); };
    if (!is_header_name(name)) {
      context.faults.add(entry.place, shown(entry.key) + " is no header's name");
    } else if (std::any_of(route.headers.begin(), route.headers.end(), is_it)) {
      context.faults.add(entry.place, "header " + shown(name) + " is repeated");
    }
    const YamlNode& value = entry.value;
    PatternText& text = route.headers.emplace_back(proxy::HeaderMatch{name, {}}).pattern;
    if (value.kind != YamlNode::Kind::Broken && !read_pattern(value, text, context)) {
      refuse_value(entry.key, pattern_text(), value, context.faults);
    }
  }
  return true;
}

const KeyTable<RouteOptions>& match_keys() {
  static const KeyTable<RouteOptions> table = {
      {"methods", any_of(&RouteOptions::methods, "a list of methods of SIP", find_method), "any"},
      {"from_group",
       {"a group's name: requests from its servers", read_from_group},
       "requests from clients"},
      {"listeners", any_of(&RouteOptions::listeners, "a list of listeners' names", find_listener),
       "any"},
      {"transports", any_of(&RouteOptions::transports, std::string(kTransportList), find_transport),
       "any"},
      {"sources", networks(&RouteOptions::sources, transport::kNetworksMax), "any"},
      {"request_user", pattern(&RouteOptions::request_user), "any"},
      {"request_host", pattern(&RouteOptions::request_host), "any"},
      {"headers",
       {"a map of 1 to " + std::to_string(proxy::kHeaderMatchesMax) + " headers' names to patterns",
        read_header_matches},
       "any"},
  };
  return table;
}

bool read_group(const YamlNode& node, RouteOptions& route, const ReadContext& context) {
  if (!node.is_text()) return false;
  const auto index = find_named("group", context.configuration.groups, node, context);
  route.action = RouteAction::Group;
  if (index) route.group = static_cast<balance::GroupIndex>(*index);
  return true;
}

bool read_drop(const YamlNode& node, RouteOptions& route, const ReadContext&) {
  route.action = RouteAction::Drop;
  return node.kind == YamlNode::Kind::Plain && node.text == "true";
}

const KeyTable<RouteOptions>& reject_keys() {
  static const KeyTable<RouteOptions> table = {
      {"code", number(&RouteOptions::reject_code, 400, 699), kRequired},
      {"reason", text(&RouteOptions::reject_reason, "up to 128 octets of text", is_reason_phrase),
       "the code's registered phrase"},
  };
  return table;
}

bool read_reject(const YamlNode& node, RouteOptions& route, const ReadContext& context) {
  route.action = RouteAction::Reject;
  return read_section(node, reject_keys(), route, context);
}

bool read_forward(const YamlNode& node, RouteOptions& route, const ReadContext&) {
  route.action = RouteAction::ForwardByUri;
  return node.is_text() && node.text == "request-uri";
}

constexpr std::string_view kActionRequired = "one of the four is required";

}  // namespace

const KeyTable<RouteOptions>& route_keys() {
  static const KeyTable<RouteOptions> table = {
      {"name", name(&RouteOptions::name), kRequired},
      {"match", section(match_keys()), ""},
      {"group", {"a group's name", read_group}, kActionRequired},
      {"drop", {"true", read_drop}, kActionRequired},
      {"reject", {"a map", read_reject, reference_of(reject_keys())}, kActionRequired},
      {"forward", {"request-uri", read_forward}, kActionRequired},
      {"hash_key", parsed(&RouteOptions::hash_key, std::string(kHashKeys), parse_hash_key),
       "the group's"},
      {"stateless", flag(&RouteOptions::is_stateless), "false"},
      {"path",
       choice<RouteOptions, PathMode>(&RouteOptions::path,
                                      {{"off", PathMode::Off}, {"auto", PathMode::Auto}}),
       "off"},
      {"rate", rate(&RouteOptions::rate, 1, kRouteRateMax), "as many as come"},
  };
  return table;
}

}  // namespace siplb::config
