#include "sip/method.h"

#include <array>
#include <cstddef>

#include "base/assert.h"

namespace siplb::sip {

namespace {

constexpr std::array<std::string_view, static_cast<size_t>(Method::kCount)> kMethodNames = {
    "INVITE", "ACK",     "BYE",     "CANCEL", "REGISTER", "OPTIONS", "SUBSCRIBE", "NOTIFY",
    "REFER",  "MESSAGE", "PUBLISH", "INFO",   "PRACK",    "UPDATE",  "other"};

struct TransportText {
  std::string_view name;
  std::string_view label;
};
constexpr std::array<TransportText, static_cast<size_t>(Transport::kCount)> kTransports = {{
    {"UDP", "udp"},
    {"TCP", "tcp"},
    {"TLS", "tls"},
}};

// The only method of `text`'s length and first letter that it can be.
Method candidate(std::string_view text) {
  switch (text.size()) {
    case 3: return text[0] == 'A' ? Method::Ack : Method::Bye;
    case 4: return Method::Info;
    case 5: return text[0] == 'R' ? Method::Refer : Method::Prack;
    case 6:
      switch (text[0]) {
        case 'I': return Method::Invite;
        case 'C': return Method::Cancel;
        case 'N': return Method::Notify;
        default: return Method::Update;
      }
    case 7:
      switch (text[0]) {
        case 'O': return Method::Options;
        case 'M': return Method::Message;
        default: return Method::Publish;
      }
    case 8: return Method::Register;
    case 9: return Method::Subscribe;
    default: return Method::Other;
  }
}

}  // namespace

Method method_from(std::string_view text) {
  const Method method = candidate(text);
  return text == method_name(method) ? method : Method::Other;
}

std::string_view method_name(Method method) {
  SIPLB_ASSERT(method < Method::kCount);
  return kMethodNames[static_cast<size_t>(method)];
}

std::string_view transport_name(Transport transport) {
  SIPLB_ASSERT(transport < Transport::kCount);
  return kTransports[static_cast<size_t>(transport)].name;
}

std::string_view transport_label(Transport transport) {
  SIPLB_ASSERT(transport < Transport::kCount);
  return kTransports[static_cast<size_t>(transport)].label;
}

uint16_t default_port(Transport transport) {
  return transport == Transport::Tls ? 5061 : 5060;
}

}  // namespace siplb::sip
