#include "proxy/header_filter.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "sip/header_names.h"

namespace siplb::proxy {
namespace {

bool starts_with_caseless(std::string_view name, std::string_view beginning) {
  return sip::equal_caseless(name.substr(0, beginning.size()), beginning);
}

}  // namespace

HeaderFilter::HeaderFilter(const transport::HeaderPolicy& policy) : source_header_(policy.source) {
  for (const std::string& name : policy.remove) {
    if (name.ends_with('*')) {
      beginnings_.push_back(name.substr(0, name.size() - 1));
    } else {
      names_.push_back(name);
    }
  }
  if (!source_header_.empty()) names_.push_back(source_header_);
}

bool HeaderFilter::removes(const sip::Header& header) const {
  if (header.id != sip::HeaderId::Other) return false;
  const std::string_view whole = sip::long_form(header.name);
  return std::any_of(names_.begin(), names_.end(),
                     [&](const std::string& other) { return sip::equal_caseless(whole, other); }) ||
         std::any_of(beginnings_.begin(), beginnings_.end(), [&](const std::string& beginning) {
           return starts_with_caseless(whole, beginning);
         });
}

size_t HeaderFilter::apply(std::span<char> octets, const sip::Message& message) const {
  char* const begin = octets.data();
  char* to = begin;
  const char* from = begin;
  const auto keep_until = [&](const char* end) {
    const auto length = static_cast<size_t>(end - from);
    if (to != from) std::memmove(to, from, length);
    to += length;
  };
  for (const sip::Header& header : message.headers()) {
    if (!removes(header)) continue;
    keep_until(header.line.data());
    from = header.line.data() + header.line.size();
  }
  keep_until(begin + octets.size());
  return static_cast<size_t>(to - begin);
}

}  // namespace siplb::proxy
