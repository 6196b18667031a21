// Where a call lives, written into the branch of each of its requests.
//
// Responses bring our own branch back, so the call behind a response is an array index away: no
// table, no hash. The call's number tells a response to an earlier user of the slot from one to
// this; the seed tells runs apart, since a proxy takes an equal branch for a retransmission.
// Thread: any. Bounds: constant size, no heap.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/fixed_string.h"

namespace siplb::load {

// Which of a call's requests. The ACK to a 2xx is a transaction of its own; CANCEL and the ACK to
// any other final response share the branch of their INVITE (RFC 3261, 9.1 and 17.1.1.3), so a
// branch is never read as Cancel.
enum class Step : char {
  Invite = 'i',
  Cancel = 'c',
  Ack = 'a',
  Bye = 'b',
  Options = 'o',
  Register = 'r',
};

struct CallKey {
  uint32_t slot = 0;
  uint32_t number = 0;
  bool operator==(const CallKey&) const = default;
};

struct BranchKey {
  CallKey call;
  Step step = Step::Invite;
};

inline constexpr std::string_view kBranchStart = "z9hG4bK";  // RFC 3261, 8.1.1.7
inline constexpr size_t kBranchLength = kBranchStart.size() + 1 + 3 * 8;
using BranchText = FixedString<kBranchLength>;

// Eight lower-case hexadecimal digits.
[[nodiscard]] FixedString<8> hex(uint32_t number);

[[nodiscard]] BranchText write_branch(const BranchKey& key, uint32_t seed);
// Nothing where the branch is not one of ours or is of another run.
[[nodiscard]] std::optional<BranchKey> read_branch(std::string_view branch, uint32_t seed);

}  // namespace siplb::load
