// How our Via names the lane that waits for its responses: seven times one letter, then the lane in
// two decimal digits, first in `;slb=` (DESIGN 3).
//
// A steering program in the kernel, which can look only at every fourth octet, finds it; so does
// whoever reads an ICMP quote. A hint: nothing is lost where it is wrong.
// Thread: any, pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/fixed_string.h"

namespace siplb::sip {

inline constexpr std::string_view kLaneMarker = "QQQQQQQ";
inline constexpr size_t kLaneDigits = 2;

// Requires: lane below 100.
[[nodiscard]] FixedString<kLaneMarker.size() + kLaneDigits> lane_mark(uint8_t lane);

// The lane in a `;slb=` that may be cut off behind it; the marker in any case.
[[nodiscard]] std::optional<uint8_t> read_lane(std::string_view slb);

}  // namespace siplb::sip
