// Reads the head of a message line by line: line ends, folding, names, forbidden octets.
//
// The one place that knows what a line is, so whoever reads a head, all of it or just far enough
// for a Call-ID, sees the same headers. A line ends with CRLF and nothing else: peers differ about
// a CR or LF alone, and what two programs split differently can be smuggled past one of them. For
// the same reason control octets other than HT spoil their line, quoted or not.
// Views into the octets; they die with them.
// Thread: any. Bounds: one pass, constant size, no heap. RFC 3261, 7.3 and 25.1.
#pragma once

#include <string_view>

#include "sip/message.h"

namespace siplb::sip {

enum class [[nodiscard]] HeadStep : uint8_t{
    Header,
    BadHeader,  // a line that is no header; reading can go on behind it
    End,        // the empty line
    Unended,    // the octets end before the head does
};

class HeadReader {
 public:
  // Line ends before the start line are skipped (7.5).
  explicit HeadReader(std::string_view octets);

  // Takes the start line with its CRLF; false where there is none, or where it holds control
  // octets. Requires: called once, first.
  [[nodiscard]] bool take_start_line(std::string_view& line);
  // Takes the next header. `out` is set on Header only.
  HeadStep next(Header& out);
  // All that has not been taken yet: after End, what follows the head.
  [[nodiscard]] std::string_view rest() const { return {at_, static_cast<size_t>(end_ - at_)}; }

 private:
  const char* at_;
  const char* end_;
};

}  // namespace siplb::sip
