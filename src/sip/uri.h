// A SIP URI, taken apart in place (RFC 3261, 19.1 and 25).
//
// Views into the text given; they die with it. No escapes are undone: what is forwarded stays as it
// came.
// Thread: any. Bounds: constant, no heap.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.h"
#include "sip/param.h"
#include "sip/text.h"

namespace siplb::sip {

enum class Scheme : uint8_t { Sip, Sips, Tel, UrnService, Other };

struct Uri {
  std::string_view text;
  Scheme scheme = Scheme::Other;
  std::string_view user;     // sip, sips: without password; empty where there is none
  std::string_view host;     // IPv6 with brackets; for tel and others the part after the scheme
  uint16_t port = 0;         // 0 = absent
  std::string_view params;   // after the first ';', without it, up to '?'
  std::string_view headers;  // after '?'

  // As find_param().
  [[nodiscard]] std::string_view param(std::string_view name) const {
    return find_param(params, name);
  }
  // The port, or the default of the scheme and the `transport` parameter.
  [[nodiscard]] uint16_t effective_port() const;
  // The host as an address with effective_port(), where it is a literal.
  [[nodiscard]] std::optional<SockAddress> literal() const;
};

// Takes an addr-spec apart ("sip:alice@example.com:5060;transport=tcp"). False where it is
// malformed: no scheme, empty host, a port that is no number from 1 to 65535, control octets or
// white space. Any well-formed scheme is accepted; the caller decides what to do with
// Scheme::Other.
[[nodiscard]] bool parse_uri(std::string_view text, Uri& out);

// A name-addr or addr-spec with header parameters, as in From, To, Contact, Route, Record-Route:
// `"Alice" <sip:alice@example.com>;tag=88`. In the form without angle brackets parameters belong to
// the header (20.10).
struct NameAddr {
  std::string_view text;    // the whole value
  std::string_view uri;     // the addr-spec, unparsed
  std::string_view params;  // header parameters, after the first ';'
  // As find_param().
  [[nodiscard]] std::string_view param(std::string_view name) const {
    return find_param(params, name);
  }
};

// False where there is no address, a quoted string or an angle bracket is not closed, or something
// else than parameters follows. What is inside the brackets may still be no URI.
[[nodiscard]] bool parse_name_addr(std::string_view value, NameAddr& out);

}  // namespace siplb::sip
