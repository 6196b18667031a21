#include "proxy/upstream_via.h"

namespace siplb::proxy {

ViaReader::ViaReader(const sip::Message& message) : message_(message), values_(message.via_rest) {
  const auto headers = message.headers();
  while (headers[header_].id != sip::HeaderId::Via) ++header_;  // scanned well, so there is one
}

bool ViaReader::next(sip::Via& out) {
  std::string_view value;
  while (!values_.next(value)) {
    const auto headers = message_.headers();
    do {
      if (++header_ >= headers.size()) return false;
    } while (headers[header_].id != sip::HeaderId::Via);
    values_ = sip::ValueReader(headers[header_].value);
  }
  return sip::parse_via(value, out);
}

}  // namespace siplb::proxy
