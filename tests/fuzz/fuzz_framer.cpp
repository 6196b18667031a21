// Fuzz target: a stream of arbitrary octets in arbitrary pieces.
//
// The input is the longest message, the number of pieces' lengths and these lengths, an octet each,
// and then the stream; pieces take the lengths in turn. However it is cut, the same messages, pings
// and faults must be found in it, and scan() must agree about each: a message ends where both say,
// and what the framer calls a fault scan() does not take.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "sip/message.h"
#include "sip/stream_framer.h"

namespace siplb::sip {
namespace {

struct Found {
  Frame::Kind kind;
  FrameFault fault;
  size_t begin;
  size_t end;
  bool operator==(const Found&) const = default;
};

// Shows the framer what has come of a stream, and keeps what it found.
class Reading {
 public:
  Reading(std::string_view stream, size_t message_octets_max)
      : stream_(stream), framer_(message_octets_max) {}

  // Requires: not less than before.
  void come(size_t octets) {
    while (used_ < octets && !broken_) {
      // A block of exact size, as an overread would be missed within the stream.
      const size_t size = octets - used_;
      const auto block = std::make_unique<char[]>(size);
      stream_.copy(block.get(), size, used_);
      const Frame frame = framer_.next({block.get(), size});
      if (frame.kind == Frame::Kind::More) {
        SIPLB_ASSERT(frame.length == 0 || frame.length > size);
        return;
      }
      broken_ = frame.kind == Frame::Kind::Broken;
      SIPLB_ASSERT(frame.length <= size);
      SIPLB_ASSERT(broken_ == (frame.fault != FrameFault::None));
      SIPLB_ASSERT(broken_ || frame.length > 0);
      add(frame);
      used_ += frame.length;
    }
  }

  [[nodiscard]] const std::vector<Found>& found() const { return found_; }

 private:
  void add(const Frame& frame) {
    if (frame.kind == Frame::Kind::Skipped) return;
    const size_t end = used_ + frame.length;
    // Line ends may be passed over together with a ping, or before it.
    const size_t begin = frame.kind == Frame::Kind::Ping ? end : used_;
    found_.push_back({.kind = frame.kind, .fault = frame.fault, .begin = begin, .end = end});
  }

  std::string_view stream_;
  StreamFramer framer_;
  size_t used_ = 0;
  bool broken_ = false;
  std::vector<Found> found_;
};

void check_message(std::string_view octets, size_t message_octets_max) {
  SIPLB_ASSERT(octets.size() <= message_octets_max);
  const auto message = std::make_unique<Message>();
  const ScanStatus status = scan(octets, {}, *message);
  SIPLB_ASSERT(status != ScanStatus::NotSip);
  SIPLB_ASSERT(status != ScanStatus::KeepAlive);
  SIPLB_ASSERT(status != ScanStatus::NoEndOfHead);
  SIPLB_ASSERT(status != ScanStatus::BadContentLength);
  SIPLB_ASSERT(status != ScanStatus::BodyTooShort);
  if (status != ScanStatus::Ok) return;
  SIPLB_ASSERT(message->text == octets);
  SIPLB_ASSERT(message->find(HeaderId::ContentLength) != nullptr);
}

void check_broken_head(std::string_view octets, FrameFault fault) {
  const auto message = std::make_unique<Message>();
  const ScanStatus status = scan(octets, {}, *message);
  SIPLB_ASSERT(status != ScanStatus::NotSip);
  SIPLB_ASSERT(status != ScanStatus::NoEndOfHead);
  if (status != ScanStatus::Ok) return;
  // For a datagram this one would do.
  SIPLB_ASSERT(fault == FrameFault::NoLength);
  SIPLB_ASSERT(message->find(HeaderId::ContentLength) == nullptr);
}

void check(std::string_view stream, std::string_view lengths, size_t message_octets_max) {
  Reading whole(stream, message_octets_max);
  whole.come(stream.size());
  Reading cut(stream, message_octets_max);
  for (size_t come = 0, piece = 0; come < stream.size(); ++piece) {
    size_t length = 1;
    if (!lengths.empty()) length = static_cast<uint8_t>(lengths[piece % lengths.size()]);
    come = std::min(stream.size(), come + std::max<size_t>(length, 1));
    cut.come(come);
  }
  SIPLB_ASSERT(cut.found() == whole.found());

  for (const Found& found : whole.found()) {
    const std::string_view octets = stream.substr(found.begin, found.end - found.begin);
    if (found.kind == Frame::Kind::Message) check_message(octets, message_octets_max);
    if (found.kind == Frame::Kind::Broken && !octets.empty()) {
      check_broken_head(octets, found.fault);
    }
  }
}

}  // namespace
}  // namespace siplb::sip

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace siplb::sip;
  constexpr size_t kLimitStep = 8;
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t message_octets_max = data[0] == 0 ? kMessageOctetsMax : kLimitStep * data[0];
  const std::string_view rest = input.substr(2);
  const size_t length_count = std::min<size_t>(data[1] % 16, rest.size());
  check(rest.substr(length_count), rest.substr(0, length_count), message_octets_max);
  return 0;
}
