// Reads what streams bring as a lane does, by the same framing, whatever the pieces it comes in.
//
// Thread: one. Bounds: a few unfinished messages.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string_view>

#include "transport/flow.h"
#include "transport/stream_intake.h"

namespace siplb::test {

class StreamReader {
 public:
  // Is shown each message, or the head that a fault leaves.
  using Show = std::function<void(std::span<char> octets, sip::FrameFault fault)>;

  explicit StreamReader(size_t message_octets_max);
  ~StreamReader();
  StreamReader(const StreamReader&) = delete;
  StreamReader& operator=(const StreamReader&) = delete;

  // Takes what the stream `flow` brings next. What comes after a fault is not looked at. Throws
  // std::logic_error where there is no room for an unfinished message.
  void read(const transport::Flow& flow, std::string_view octets, Instant now, const Show& show);

 private:
  struct Stream {
    Stream(const SockAddress& remote, size_t message_octets_max)
        : source(remote), intake(message_octets_max) {}
    SockAddress source;
    transport::StreamIntake intake;
    bool is_broken = false;
  };
  [[nodiscard]] transport::StreamIntake::Parts parts_of(const Stream& stream);

  const size_t message_octets_max_;
  std::unique_ptr<transport::MessageSlots> slots_;
  transport::ConnectionCensus census_;
  std::map<uint64_t, Stream> streams_;  // by number of their connection
};

}  // namespace siplb::test
