// A SIP message as views into the octets it came in, and the scanner that makes it.
//
// One pass over the head; nothing is copied and nothing is undone. Header names are known in long
// and compact form and without case; folded lines (RFC 3261, 7.3.1) are one header; several values
// in one header are kept together and split by ValueReader.
// The view dies with the octets; so never keep it past the callback that brought it.
// Thread: any. Bounds: kHeadersMax headers, 65,535 octets; constant size, no heap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "sip/method.h"
#include "sip/uri.h"
#include "sip/via.h"

namespace siplb::sip {

inline constexpr size_t kMessageOctetsMax = 65535;
inline constexpr size_t kHeadersMax = 128;  // bound and default of limits.headers
// It goes into half a dozen hashes; those of real stacks have less than 256 octets.
inline constexpr size_t kCallIdOctetsMax = 4096;

enum class HeaderId : uint8_t {
  Via,
  From,
  To,
  CallId,
  CSeq,
  MaxForwards,
  Route,
  RecordRoute,
  ContentLength,
  ProxyRequire,
  Contact,
  Other,
};

struct Header {
  HeaderId id = HeaderId::Other;
  std::string_view name;   // as written
  std::string_view value;  // without white space at its ends; may hold folding inside
  std::string_view line;   // from the name to the line's CRLF, included
};

// Why octets are no acceptable message. Every value but Ok and KeepAlive is a fault.
enum class ScanStatus : uint8_t {
  Ok,
  KeepAlive,     // at most 4 octets of CR, LF or NUL; also none at all
  NotSip,        // no start line, or none with a SIP version
  BadStartLine,  // no method, a version of another form, no status from 100 to 699
  BadHeader,     // no colon, a name that is no token, control octets, a CR or LF alone
  TooManyHeaders,
  NoEndOfHead,     // the empty line is missing
  MissingHeader,   // one of Via, From, To, Call-ID, CSeq
  RepeatedHeader,  // a second From, To, Call-ID, CSeq, Max-Forwards or Content-Length, equal or not
  BadVia,
  BadFromTo,  // also a From or To with two tags
  BadCallId,  // also one above kCallIdOctetsMax
  BadCSeq,    // not "number method", over 2^31-1, or another method than the start line
  BadMaxForwards,
  BadContentLength,  // no number, or more than any message has
  BodyTooShort,      // fewer octets than Content-Length says
  BadRequestUri,
  kCount,
};
[[nodiscard]] std::string_view scan_status_name(ScanStatus status);  // "bad_via", for metrics

// All of a Message but its table of headers.
struct MessageFields {
  std::string_view text;        // head and body; octets beyond Content-Length are cut off (18.3)
  std::string_view start_line;  // with its CRLF
  std::string_view body;

  bool is_request = false;
  Method method = Method::Other;  // of a response: from CSeq
  std::string_view method_text;
  std::string_view version;      // "SIP/2.0"; checks decide what to do with another one
  std::string_view request_uri;  // requests: as written
  Uri uri;                       // requests: taken apart
  uint16_t status = 0;           // responses: 100 to 699

  Via via;                    // the top Via
  std::string_view via_rest;  // what follows the top value in the same header; empty = nothing
  NameAddr from;
  NameAddr to;
  std::string_view from_tag;  // empty = none
  std::string_view to_tag;    // empty = none
  std::string_view call_id;
  uint32_t cseq = 0;
  // Digits of Max-Forwards inside `text`; empty where the header is absent.
  std::string_view max_forwards_digits;
  uint32_t max_forwards = 0;  // meaningful where the digits are there; saturates at 255
  size_t header_count = 0;
};

// Keep one and scan into it again and again: making one writes 7 KiB, scanning only what is used.
struct Message : MessageFields {
  std::array<Header, kHeadersMax> header_table;

  [[nodiscard]] std::span<const Header> headers() const {
    return {header_table.data(), header_count};
  }
  // The first header with this id; null where there is none.
  [[nodiscard]] const Header* find(HeaderId id) const;
  // The first header with this name in any case, for names that have no id; null where none.
  [[nodiscard]] const Header* find(std::string_view name) const;
};

struct ScanLimits {
  size_t headers_max = kHeadersMax;
};

// Scans one datagram (or one framed message). Line ends before the start line are skipped (7.5).
// On any status but Ok only these fields can be relied on: is_request, and, if `answerable` says
// so, what build_reply needs.
[[nodiscard]] ScanStatus scan(std::string_view octets, const ScanLimits& limits, Message& out);

// True where a start line has a version of SIP at one of its ends, whatever else it says. Where it
// has none, scan() says NotSip.
[[nodiscard]] bool is_sip_start_line(std::string_view line);

// True where a request that failed to scan can still be answered 400: its start line and top Via
// were read, From, To, Call-ID and CSeq are there to be copied, and it is no ACK.
[[nodiscard]] bool answerable(const Message& message);

// How a response begins that is sent on, or was made here. Of what is being received, scan() tells.
inline constexpr std::string_view kResponseStart = "SIP/2.0 ";
[[nodiscard]] constexpr bool is_response(std::string_view octets) {
  return octets.starts_with(kResponseStart);
}

// Finds only the Call-ID, for the choice of the lane: the value of the first Call-ID header, empty
// where it cannot be read. Agrees with scan() on every message that scans Ok.
[[nodiscard]] std::string_view peek_call_id(std::string_view octets);

// Reads the values of a header that may hold several, split at commas outside quotes and angle
// brackets, white space trimmed.
class ValueReader {
 public:
  explicit ValueReader(std::string_view header_value) : rest_(trim(header_value)) {}
  // Takes the next value; false at the end. A quote or bracket that is not closed holds the rest.
  // `value` and `remaining` are views into the header.
  [[nodiscard]] bool next(std::string_view& value);
  // What has not been taken yet, from the first octet of the next value on.
  [[nodiscard]] std::string_view remaining() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace siplb::sip
