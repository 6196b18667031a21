#include "proxy/upstream_via.h"

#include <algorithm>

namespace siplb::proxy {

// The rest of the top header, else the next Via header.
bool read_next_via(const sip::Message& message, sip::Via& out) {
  std::string_view values = message.via_rest;
  if (values.empty()) {
    const auto headers = message.headers();
    const auto is_via = [](const sip::Header& h) { return h.id == sip::HeaderId::Via; };
    const auto top = std::find_if(headers.begin(), headers.end(), is_via);
    const auto next = std::find_if(top + 1, headers.end(), is_via);
    if (next == headers.end()) return false;
    values = next->value;
  }
  std::string_view value;
  return sip::ValueReader(values).next(value) && sip::parse_via(value, out);
}

}  // namespace siplb::proxy
