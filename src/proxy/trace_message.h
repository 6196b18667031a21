// What a trace reads of a message: enough to choose it and to show it, and never what is secret.
//
// Neither bodies nor any header but From, To, Call-ID and CSeq are looked at; of URIs the password,
// parameters and headers are left out. It reads what scan() would refuse as well, as far as it
// goes: broken messages are what operators look for.
// The view dies with the octets. Thread: any, pure. Bounds: one pass over the head, no heap.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/fixed_string.h"

namespace siplb::proxy {

// What is longer is cut off.
using TraceTitle = FixedString<104>;
using TraceCallId = FixedString<96>;
using TraceCSeq = FixedString<28>;

// Each is empty where it is missing.
struct TraceMessage {
  std::string_view start_line;  // without its CRLF
  std::string_view from;        // the values of headers, as written
  std::string_view to;
  std::string_view call_id;
  std::string_view cseq;

  // "INVITE sip:bob@example.com", "180 Ringing"; empty where it is no SIP.
  [[nodiscard]] TraceTitle title() const;
  // True where this is the user of its From, To or Request-URI, escapes undone; of a tel URI, its
  // number.
  [[nodiscard]] bool has_user(std::string_view user) const;
};
[[nodiscard]] TraceMessage read_trace_message(std::string_view octets);

// As much of the text as fits.
template <size_t kCapacity>
[[nodiscard]] FixedString<kCapacity> cut_to(std::string_view text) {
  FixedString<kCapacity> out;
  out.append(text.substr(0, kCapacity));
  return out;
}

}  // namespace siplb::proxy
