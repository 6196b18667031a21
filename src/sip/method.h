// SIP methods and transports: small tables with their wire names.
//
// Thread: any, immutable.
#pragma once

#include <cstdint>
#include <string_view>

namespace siplb::sip {

enum class Method : uint8_t {
  Invite,
  Ack,
  Bye,
  Cancel,
  Register,
  Options,
  Subscribe,
  Notify,
  Refer,
  Message,
  Publish,
  Info,
  Prack,
  Update,
  Other,  // an extension method: forwarded, its text is in the message
  kCount,
};

// Methods compare with case (RFC 3261, 7.1). Unknown text is Method::Other.
[[nodiscard]] Method method_from(std::string_view text);
// "INVITE"; "other" for Method::Other.
[[nodiscard]] std::string_view method_name(Method method);

enum class Transport : uint8_t { Udp, Tcp, Tls, kCount };

// "UDP", as a Via prints it.
[[nodiscard]] std::string_view transport_name(Transport transport);
// "udp", as the configuration and metrics print it.
[[nodiscard]] std::string_view transport_label(Transport transport);
// 5060, or 5061 for TLS (RFC 3261, 19.1.2).
[[nodiscard]] uint16_t default_port(Transport transport);

}  // namespace siplb::sip
