#include "load/server_name.h"

#include "base/hash.h"
#include "load/call_key.h"

namespace siplb::load {

namespace {

constexpr std::string_view kProduct = "siplb-load/";
constexpr size_t kTagDigits = 16;

}  // namespace

std::string_view server_name(const sip::Message& answer) {
  const sip::Header* header = answer.find("Server");
  if (header == nullptr || !header->value.starts_with(kProduct)) return {};
  return header->value.substr(kProduct.size());
}

FixedString<24> server_header(std::string_view name) {
  FixedString<24> out;
  out.append(kProduct);
  out.append(name);
  return out;
}

ServerTag write_tag(std::string_view name, std::string_view call_id) {
  const uint64_t hash = hash_octets(call_id);
  ServerTag out;
  out.append(name);
  out.append(".");
  out.append(hex(static_cast<uint32_t>(hash >> 32)));
  out.append(hex(static_cast<uint32_t>(hash)));
  return out;
}

std::string_view name_in_tag(std::string_view tag) {
  const size_t dot = tag.find('.');
  if (dot == std::string_view::npos || tag.size() - dot - 1 != kTagDigits) return {};
  return tag.substr(0, dot);
}

}  // namespace siplb::load
