#include "scenario/stream_reader.h"

#include <algorithm>
#include <stdexcept>

namespace siplb::test {
namespace {

using transport::StreamIntake;

class Shown final : public transport::StreamSink {
 public:
  explicit Shown(const StreamReader::Show& show) : show_(show) {}
  void on_message(std::span<char> octets, sip::FrameFault fault) override { show_(octets, fault); }
  void on_ping() override {}
  void settle() override {}

 private:
  const StreamReader::Show& show_;
};

std::unique_ptr<transport::MessageSlots> make_slots() {
  auto slots =
      transport::MessageSlots::reserve({.small_count = 16, .medium_count = 4, .large_count = 2});
  if (!slots) throw std::runtime_error("no memory for unfinished messages");
  return std::move(*slots);
}

}  // namespace

StreamReader::StreamReader(size_t message_octets_max)
    : message_octets_max_(message_octets_max), slots_(make_slots()), census_({}) {}

StreamReader::~StreamReader() {
  for (auto& [number, stream] : streams_) stream.intake.drop(parts_of(stream));
}

StreamIntake::Parts StreamReader::parts_of(const Stream& stream) {
  return {.slots = *slots_, .census = census_, .source = &stream.source};
}

void StreamReader::read(const transport::Flow& flow, std::string_view octets, Instant now,
                        const Show& show) {
  Stream& stream = streams_.try_emplace(flow.connection.number(), flow.remote, message_octets_max_)
                       .first->second;
  if (stream.is_broken) return;
  // A block of exactly that size: AddressSanitizer sees a read past its end.
  const std::unique_ptr<char[]> copy(new char[octets.size()]);
  std::copy(octets.begin(), octets.end(), copy.get());
  Shown shown(show);
  const auto outcome =
      stream.intake.take({copy.get(), octets.size()}, parts_of(stream), shown, now);
  if (outcome == StreamIntake::Outcome::NoSlot) throw std::logic_error("no slot for a message");
  stream.is_broken = outcome == StreamIntake::Outcome::Broken;
}

}  // namespace siplb::test
