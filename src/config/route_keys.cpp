// The part of the table that needs names read before it: routes refer to groups and listeners.
#include "config/keys.h"
#include "config/suggest.h"
#include "config/values.h"

namespace siplb::config {
namespace {

using proxy::RouteAction;
using proxy::RouteOptions;

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

std::optional<size_t> find_listener(const YamlNode& node, const ReadContext& context) {
  return find_named("listener", context.configuration.listeners, node, context);
}

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

std::optional<size_t> find_transport(const YamlNode& node, const ReadContext& context) {
  struct Named {
    std::string_view name;
  };
  static const std::vector<Named> transports = {{"udp"}, {"tcp"}, {"tls"}};
  const auto found = find_named("transport", transports, node, context);
  if (found && *found != static_cast<size_t>(sip::Transport::Udp)) {
    context.faults.add(node.place, shown(node.text) + " is not yet supported");
  }
  return found;
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
              const std::optional<size_t> bit = find(item, context);
              if (bit) bits = static_cast<Bits>(bits | Bits{1} << *bit);
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

const KeyTable<RouteOptions>& match_keys() {
  static const KeyTable<RouteOptions> table = {
      {"methods", any_of(&RouteOptions::methods, "a list of methods of SIP", find_method), "any"},
      {"from_group",
       {"a group's name: requests from its servers", read_from_group},
       "requests from clients"},
      {"listeners", any_of(&RouteOptions::listeners, "a list of listeners' names", find_listener),
       "any"},
      {"transports", any_of(&RouteOptions::transports, "a list of transports", find_transport),
       "any"},
      {"request_user", not_yet<RouteOptions>(), ""},
      {"request_host", not_yet<RouteOptions>(), ""},
      {"sources", not_yet<RouteOptions>(), ""},
      {"headers", not_yet<RouteOptions>(), ""},
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

}  // namespace

const KeyTable<RouteOptions>& route_keys() {
  static const KeyTable<RouteOptions> table = {
      {"name", name(&RouteOptions::name), kRequired},
      {"match", section(match_keys()), ""},
      {"group", {"a group's name", read_group}, "one of the three is required"},
      {"drop", {"true", read_drop}, "one of the three is required"},
      {"reject",
       {"a map", read_reject, reference_of(reject_keys())},
       "one of the three is required"},
      {"forward", not_yet<RouteOptions>(), ""},
      {"stateless", not_yet<RouteOptions>(), ""},
      {"hash_key", not_yet<RouteOptions>(), ""},
      {"path", not_yet<RouteOptions>(), ""},
      {"rate", not_yet<RouteOptions>(), ""},
  };
  return table;
}

}  // namespace siplb::config
