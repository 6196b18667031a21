#include "app/status_line.h"

#include <cmath>

namespace siplb::app {
namespace {

// In whole milliseconds: a line that changes all the time says less.
std::string self_probe_text(Duration took) {
  if (took == observe::Vitals::kLost) return "lost";
  return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(took).count()) + " ms";
}

}  // namespace

std::optional<std::string> StatusLine::next(std::string_view state, const observe::Vitals& vitals,
                                            Instant now) {
  if (counted_at_ && now - *counted_at_ < kInterval) return std::nullopt;
  uint64_t rate = 0;
  if (counted_at_) {
    const std::chrono::duration<double> passed = now - *counted_at_;
    rate = static_cast<uint64_t>(
        std::llround(static_cast<double>(vitals.messages - messages_) / passed.count()));
  }
  counted_at_ = now;
  messages_ = vitals.messages;

  std::string line(state);
  line.append(": ").append(std::to_string(vitals.servers_up)).append(" of ");
  line.append(std::to_string(vitals.servers)).append(" servers up, ");
  line.append(std::to_string(vitals.calls)).append(" calls, ");
  line.append(std::to_string(rate)).append(" messages/s");
  if (vitals.self_probe) line.append(", self-probe ").append(self_probe_text(*vitals.self_probe));
  if (line == said_) return std::nullopt;
  said_ = line;
  return line;
}

}  // namespace siplb::app
