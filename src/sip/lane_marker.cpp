#include "sip/lane_marker.h"

#include "base/assert.h"
#include "sip/text.h"

namespace siplb::sip {

FixedString<kLaneMarker.size() + kLaneDigits> lane_mark(uint8_t lane) {
  SIPLB_ASSERT(lane < 100);
  FixedString<kLaneMarker.size() + kLaneDigits> out;
  out.append(kLaneMarker);
  if (lane < 10) out.append("0");
  out.append_number(lane);
  return out;
}

std::optional<uint8_t> read_lane(std::string_view slb) {
  if (!equal_caseless(slb.substr(0, kLaneMarker.size()), kLaneMarker)) return std::nullopt;
  const std::string_view digits = slb.substr(kLaneMarker.size(), kLaneDigits);
  const auto lane = read_number(digits, 99);
  if (digits.size() != kLaneDigits || !lane) return std::nullopt;
  return static_cast<uint8_t>(*lane);
}

}  // namespace siplb::sip
