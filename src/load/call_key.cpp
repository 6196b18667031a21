#include "load/call_key.h"

#include <charconv>

namespace siplb::load {

namespace {

constexpr size_t kHexDigits = 8;

std::optional<uint32_t> read_hex(std::string_view digits) {
  uint32_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stopped_at, error] = std::from_chars(digits.data(), end, number, 16);
  if (error != std::errc() || stopped_at != end) return std::nullopt;
  return number;
}

std::optional<Step> read_step(char letter) {
  switch (const Step step{letter}) {
    case Step::Invite:
    case Step::Ack:
    case Step::Bye:
    case Step::Options:
    case Step::Register: return step;
    case Step::Cancel: break;
  }
  return std::nullopt;
}

}  // namespace

FixedString<8> hex(uint32_t number) {
  FixedString<8> out;
  for (int shift = 28; shift >= 0; shift -= 4) {
    out.append({&"0123456789abcdef"[(number >> shift) & 0xF], 1});
  }
  return out;
}

BranchText write_branch(const BranchKey& key, uint32_t seed) {
  const char letter = static_cast<char>(key.step == Step::Cancel ? Step::Invite : key.step);
  BranchText out;
  out.append(kBranchStart);
  out.append({&letter, 1});
  out.append(hex(seed));
  out.append(hex(key.call.slot));
  out.append(hex(key.call.number));
  return out;
}

std::optional<BranchKey> read_branch(std::string_view branch, uint32_t seed) {
  if (branch.size() != kBranchLength || !branch.starts_with(kBranchStart)) return std::nullopt;
  branch.remove_prefix(kBranchStart.size());
  const std::optional<Step> step = read_step(branch.front());
  branch.remove_prefix(1);
  const std::optional<uint32_t> run = read_hex(branch.substr(0, kHexDigits));
  const std::optional<uint32_t> slot = read_hex(branch.substr(kHexDigits, kHexDigits));
  const std::optional<uint32_t> number = read_hex(branch.substr(2 * kHexDigits));
  if (!step || !run || *run != seed || !slot || !number) return std::nullopt;
  return BranchKey{{*slot, *number}, *step};
}

}  // namespace siplb::load
