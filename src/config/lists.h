// Lists of texts in the file: networks, addresses, names of hosts and headers; none of them twice.
//
// Thread: one.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/network.h"
#include "config/section.h"
#include "sip/text.h"

namespace siplb::config {

// The items of a list, as faults call them.
struct Items {
  std::string_view one;
  std::string_view many;
  size_t count_max = 0;
};

inline bool is_same(const Network& a, const Network& b) {
  return a == b;
}
inline bool is_same(const SockAddress& a, const SockAddress& b) {
  return a == b;
}
inline bool is_same(std::string_view a, std::string_view b) {
  return sip::equal_caseless(a, b);
}

// A list of texts that `parse` makes optional values of, none of them twice. Each item gets its
// place in `member` even where it is faulty, so that positions in the list and in the file agree.
template <class Options, class T, class Parse>
Value<Options> list_of(std::vector<T> Options::*member, const Items& items, Parse parse) {
  std::string takes = "a list of 1 to " + std::to_string(items.count_max) + " ";
  return {takes.append(items.many),
          [=](const YamlNode& node, Options& options, const ReadContext& context) {
            if (node.kind != YamlNode::Kind::List) return false;
            if (node.items.empty() || node.items.size() > items.count_max) return false;
            std::vector<T>& values = options.*member;
            for (const YamlNode& item : node.items) {
              const auto value = item.is_text() ? parse(std::string_view(item.text)) : std::nullopt;
              if (!value && item.kind != YamlNode::Kind::Broken) {
                refuse_item(items.one, item, context.faults);
              }
              const auto is_value = [&](const T& other) { return is_same(other, *value); };
              if (value && std::any_of(values.begin(), values.end(), is_value)) {
                context.faults.add(item.place, shown(item.text) + " is repeated");
              }
              values.push_back(value.value_or(T{}));
            }
            return true;
          }};
}

template <class Options>
Value<Options> networks(std::vector<Network> Options::*member, size_t count_max) {
  return list_of(member,
                 {"a network, without bits beyond its prefix,",
                  "networks: 10.0.0.0/8, 2001:db8::/32 or one address", count_max},
                 Network::parse);
}

}  // namespace siplb::config
