// Finds where messages end in a stream of octets (RFC 3261, 7.5 and 18.3), however it is cut.
//
// The head ends at its empty line, the body where Content-Length says; without one nobody knows
// where the next message begins, so on a stream it is required (20.14). What is declared twice, is
// no number or is more than any message may have is a fault: after it nothing that follows can be
// trusted, or one message could be smuggled within another. It reads lines as scan() does, so both
// see the same head and the same length.
// Between messages CR and LF are passed over; CRLFCRLF is a ping (RFC 5626, 4.4.1).
// It copies nothing: the caller keeps the octets of an unfinished message and shows them again,
// with more. They are not searched again, so that a head that comes octet by octet costs no more
// than one that comes whole: it is searched for its end, and then once for its length.
// Thread: any, pure. Bounds: constant size, no heap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace siplb::sip {

enum class FrameFault : uint8_t {
  None,
  NotSip,          // no SIP message begins so
  HeadTooLong,     // no empty line within the longest message
  NoLength,        // no Content-Length
  BadLength,       // no number, two of them, or beyond 32 bits
  MessageTooLong,  // head and body together
  kCount,
};
[[nodiscard]] std::string_view frame_fault_name(FrameFault fault);  // "no_length", for metrics

struct Frame {
  enum class Kind : uint8_t {
    More,     // unfinished: show these octets again, with what follows them
    Message,  // the first `length` octets are one
    Ping,     // `length` octets are used up, and a ping is complete: answer CRLF
    Skipped,  // `length` octets between messages are used up
    Broken,   // close the connection; `length` > 0: a head of so many octets, fit for an answer
  };
  Kind kind = Kind::More;
  // Of More: of the whole message, where its head is complete; else 0.
  size_t length = 0;
  FrameFault fault = FrameFault::None;
};

class StreamFramer {
 public:
  // Requires: 1 to kMessageOctetsMax.
  explicit StreamFramer(size_t message_octets_max);

  // What the octets begin with. They start where the last frame ended; after More, with the same
  // octets. Requires: not empty; nothing is asked after Broken.
  [[nodiscard]] Frame next(std::string_view octets);

 private:
  enum class Part : uint8_t { Between, StartLine, Head, Body };

  Frame pass_over(std::string_view octets);
  Frame take_head(std::string_view octets);
  bool find(std::string_view wanted, std::string_view octets);

  size_t message_octets_max_;
  Part part_ = Part::Between;  // what is unfinished
  uint8_t ping_octets_ = 0;    // of CRLFCRLF, seen so far
  size_t searched_ = 0;        // octets of the unfinished message, with nothing more to be found
  size_t message_length_ = 0;  // of the unfinished message, once its head is whole
};

}  // namespace siplb::sip
