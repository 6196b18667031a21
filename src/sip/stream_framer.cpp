#include "sip/stream_framer.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/assert.h"
#include "sip/head_reader.h"
#include "sip/text.h"

namespace siplb::sip {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
// HeadReader takes every CRLF for the end of a line, so the first two in a row are that of the
// head.
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kPing = "\r\n\r\n";

Frame broken(FrameFault fault, size_t head_length = 0) {
  return {.kind = Frame::Kind::Broken, .length = head_length, .fault = fault};
}

bool is_line_end_octet(char octet) {
  return octet == '\r' || octet == '\n';
}

// Of octets that begin with a whole line.
bool begin_with_start_line(std::string_view octets) {
  std::string_view line;
  return HeadReader(octets).take_start_line(line) && is_sip_start_line(line);
}

// Spares a look at most lines, Content-Type among them.
bool may_be_content_length(std::string_view line) {
  constexpr size_t kLengthAt = std::string_view("Content-").size();
  if (line.empty()) return false;
  const char first = to_lower(line.front());
  if (first == 'l') return true;
  return first == 'c' && line.size() > kLengthAt && to_lower(line[kLengthAt]) == 'l';
}

// Takes Content-Length as scan() does. Requires: `head` is whole.
FrameFault read_content_length(std::string_view head, size_t& out) {
  std::optional<uint64_t> length;
  for (size_t end; (end = head.find(kLineEnd)) != std::string_view::npos;) {
    head.remove_prefix(end + kLineEnd.size());
    if (!may_be_content_length(head)) continue;
    Header header;
    if (HeadReader(head).next(header) != HeadStep::Header) continue;
    if (header.id != HeaderId::ContentLength) continue;
    if (length) return FrameFault::BadLength;
    length = read_number(header.value, UINT32_MAX);
    if (!length || *length > UINT32_MAX) return FrameFault::BadLength;
  }
  if (!length) return FrameFault::NoLength;
  out = *length;
  return FrameFault::None;
}

}  // namespace

std::string_view frame_fault_name(FrameFault fault) {
  constexpr std::array<std::string_view, static_cast<size_t>(FrameFault::kCount)> kNames = {
      "none", "not_sip", "head_too_long", "no_length", "bad_length", "message_too_long"};
  SIPLB_ASSERT(fault < FrameFault::kCount);
  return kNames[static_cast<size_t>(fault)];
}

StreamFramer::StreamFramer(size_t message_octets_max) : message_octets_max_(message_octets_max) {
  SIPLB_ASSERT(message_octets_max > 0);
  SIPLB_ASSERT(message_octets_max <= kMessageOctetsMax);
}

Frame StreamFramer::next(std::string_view octets) {
  SIPLB_ASSERT(!octets.empty());
  if (part_ == Part::Between) {
    if (is_line_end_octet(octets.front())) return pass_over(octets);
    if (!is(kTokenChar, octets.front())) return broken(FrameFault::NotSip);
    part_ = Part::StartLine;
    ping_octets_ = 0;
    searched_ = 0;
  }
  if (part_ != Part::Body) {
    const Frame head = take_head(octets.substr(0, message_octets_max_));
    if (part_ != Part::Body) return head;
  }
  if (octets.size() < message_length_) return {.length = message_length_};
  part_ = Part::Between;
  return {.kind = Frame::Kind::Message, .length = message_length_};
}

// Goes on from one part to the next; where it does not come to the body, what next() says.
// Requires: no more octets than the longest message has.
Frame StreamFramer::take_head(std::string_view octets) {
  const bool full = octets.size() == message_octets_max_;
  const Frame unfinished = full ? broken(FrameFault::HeadTooLong) : Frame{};
  if (part_ == Part::StartLine) {
    if (!find(kLineEnd, octets)) return unfinished;
    if (!begin_with_start_line(octets)) return broken(FrameFault::NotSip);
    part_ = Part::Head;
  }
  if (!find(kHeadEnd, octets)) return unfinished;

  const size_t head_length = searched_ + kHeadEnd.size();
  size_t body_length = 0;
  const FrameFault fault = read_content_length(octets.substr(0, head_length), body_length);
  if (fault != FrameFault::None) return broken(fault, head_length);
  if (body_length > message_octets_max_ - head_length) {
    return broken(FrameFault::MessageTooLong, head_length);
  }
  message_length_ = head_length + body_length;
  part_ = Part::Body;
  return {};
}

// Searches where it was not searched yet; leaves `searched_` before what is wanted, or before what
// may be its beginning.
bool StreamFramer::find(std::string_view wanted, std::string_view octets) {
  const size_t at = octets.find(wanted, searched_);
  if (at != std::string_view::npos) {
    searched_ = at;
    return true;
  }
  if (octets.size() >= wanted.size()) {
    searched_ = std::max(searched_, octets.size() - wanted.size() + 1);
  }
  return false;
}

Frame StreamFramer::pass_over(std::string_view octets) {
  size_t length = 0;
  while (length < octets.size() && is_line_end_octet(octets[length])) {
    const char octet = octets[length++];
    if (octet == kPing[ping_octets_]) {
      ++ping_octets_;
    } else {
      ping_octets_ = octet == kPing.front() ? 1 : 0;
    }
    if (ping_octets_ < kPing.size()) continue;
    ping_octets_ = 0;
    return {.kind = Frame::Kind::Ping, .length = length};
  }
  return {.kind = Frame::Kind::Skipped, .length = length};
}

}  // namespace siplb::sip
