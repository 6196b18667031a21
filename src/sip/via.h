// One Via value, taken apart in place (RFC 3261, 20.42; RFC 3581).
//
// Views into the text given; they die with it.
// Thread: any. Bounds: constant, no heap.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.h"
#include "sip/method.h"

namespace siplb::sip {

struct Via {
  std::string_view text;       // the whole value, from "SIP" to the last parameter
  std::string_view transport;  // as written: "UDP"
  std::string_view sent_by;    // host and port as written
  std::string_view host;       // IPv6 with brackets
  uint16_t port = 0;           // 0 = absent
  std::string_view params;     // after the first ';', without it; empty where there is none
  std::string_view branch;     // with the cookie, if it has one
  std::string_view received;   // empty = absent
  std::string_view slb;        // our own parameter; empty = absent
  bool has_rport = false;      // also where it has no value
  uint16_t rport = 0;          // 0 = no value
  // Where `received` and `rport` stand, each with the ';' before it, in their order; null = absent.
  std::string_view source_params[2];

  [[nodiscard]] std::optional<Transport> known_transport() const;  // UDP, TCP, TLS, without case
  [[nodiscard]] uint16_t effective_port() const;  // the port, or the transport's default
  [[nodiscard]] bool has_cookie() const;          // branch starts with z9hG4bK (without case)

  // Where a response to this Via goes (RFC 3261, 18.2.2; RFC 3581, 4): received or else the
  // literal sent-by host, with rport or else the sent-by port. `maddr` is not obeyed. Empty where
  // the host is a name and there is no received.
  [[nodiscard]] std::optional<SockAddress> response_address() const;
};

// False where the value is malformed: not "SIP/2.0/…", no host, a bad port or rport, an empty
// parameter, or branch, received, rport or slb twice.
[[nodiscard]] bool parse_via(std::string_view value, Via& out);

// The text that takes the place of a request's top Via parameters `received` and `rport`, as the
// server side must set them (18.2.1, RFC 3581): what the sender claimed there is never kept.
struct ViaStamp {
  // The two regions of the message to replace: where a parameter stands (with its ';'), else an
  // empty view at the end of the Via. `regions[1]` may be empty with data() == nullptr: unused.
  std::string_view regions[2];
  FixedString<80> text;  // replaces regions[0]; regions[1] is erased
  bool needed = false;   // false: the Via may stay as it is
  // What the Via says afterwards, for the seal.
  SockAddress received;  // Family::None = no received parameter
  uint16_t rport = 0;    // 0 = no rport parameter
};

// Computes the stamp of a request's top Via that came from `source`. `received` is added when the
// sent-by host is not `source`'s address or when rport was asked for; rport only when asked for.
[[nodiscard]] ViaStamp stamp_via(const Via& via, const SockAddress& source);

}  // namespace siplb::sip
