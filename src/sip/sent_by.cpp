#include "sip/sent_by.h"

#include <optional>

#include "sip/text.h"

namespace siplb::sip {

SentBy sent_by(const Via& via) {
  return {.host = via.host, .port = via.effective_port()};
}

SentBy sent_by(std::string_view text, Transport transport) {
  const size_t length = host_length(text);
  SentBy out{.host = text.substr(0, length), .port = default_port(transport)};
  uint16_t port;
  if (length < text.size() && read_port(text.substr(length + 1), port)) out.port = port;
  return out;
}

void add_sent_by(KeyedHash& hash, const SentBy& value) {
  // Only IPv6 has several spellings of one address; the others save themselves the parsing.
  std::optional<SockAddress> ip6;
  if (value.host.starts_with('[')) ip6 = SockAddress::parse_ip(value.host, value.port);
  if (ip6) {
    hash.add(ip6->host_text());
  } else {
    hash.add_caseless(value.host);
  }
  hash.add_number(value.port);
}

}  // namespace siplb::sip
