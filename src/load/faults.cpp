#include "load/faults.h"

#include <algorithm>
#include <charconv>

namespace siplb::load {

namespace {

constexpr double kDurationSecondsMax = 86400;

// A number that is not negative, and what follows it.
std::optional<double> read_number(std::string_view text, std::string_view& rest) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped_at, error] =
      std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc() || !(number >= 0)) return std::nullopt;
  rest = {stopped_at, static_cast<size_t>(end - stopped_at)};
  return number;
}

bool set_number(std::string_view text, double most, double& out) {
  std::string_view rest;
  const std::optional<double> number = read_number(text, rest);
  if (!number || !rest.empty() || *number > most) return false;
  out = *number;
  return true;
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  std::string_view unit;
  const std::optional<double> number = read_number(text, unit);
  if (!number) return std::nullopt;
  double seconds = *number;
  if (unit == "ms") {
    seconds /= 1000;
  } else if (unit == "m") {
    seconds *= 60;
  } else if (unit != "s") {
    return std::nullopt;
  }
  if (seconds > kDurationSecondsMax) return std::nullopt;
  return std::chrono::round<Duration>(std::chrono::duration<double>(seconds));
}

bool apply_fault(std::string_view text, Faults& faults) {
  if (text == "silent") return faults.silent = true;
  if (text == "duplicate") return faults.duplicate = true;
  if (text == "no-100") return faults.no_trying = true;
  if (text == "stuck") return faults.reading.stuck = true;
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = text.substr(0, equals);
  const std::string_view value = text.substr(equals + 1);
  if (name == "drop") return set_number(value, 1, faults.drop);
  if (name == "503") return set_number(value, 1, faults.reject);
  if (name == "capacity") return set_number(value, 1e9, faults.capacity);
  if (name == "slow-read") return set_number(value, 1e9, faults.reading.octets_per_second);
  if (name == "reset-every") return set_number(value, 1e9, faults.reading.reset_every);
  const std::optional<Duration> duration = parse_duration(value);
  if (!duration) return false;
  if (name == "ring") {
    faults.ring = *duration;
  } else if (name == "service") {
    faults.service = *duration;
  } else if (name == "delay" || name == "late") {
    faults.delay = *duration;
    faults.no_trying = faults.no_trying || name == "late";
  } else {
    return false;
  }
  return true;
}

bool Dice::hits(double share) {
  if (share <= 0) return false;
  state_ += 0x9E3779B97F4A7C15;
  uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
  mixed ^= mixed >> 31;
  return static_cast<double>(mixed >> 11) * 0x1p-53 < share;
}

RateGate::RateGate(double per_second, Instant now)
    : per_second_(per_second),
      burst_(std::max(1.0, per_second / 10)),
      tokens_(burst_),
      filled_at_(now) {}

bool RateGate::passes(Instant now) {
  if (per_second_ <= 0) return true;
  const std::chrono::duration<double> elapsed = now - filled_at_;
  tokens_ = std::min(burst_, tokens_ + elapsed.count() * per_second_);
  filled_at_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

}  // namespace siplb::load
