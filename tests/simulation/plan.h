// What is to become of a call, or of another request: phone and servers read it off its number.
//
// Thread: any, values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "sip/method.h"

namespace siplb::test {

struct Plan {
  sip::Method method = sip::Method::Invite;
  uint16_t final_code = 200;    // the callee's word
  bool is_challenged = false;   // 407 at first
  bool is_trying_sent = false;  // the server says 100 at once
  bool is_ringing_sent = false;
  Duration ringing{};                    // from the first answer to the final one
  std::optional<Duration> cancel_after;  // the caller's patience, from the first answer
  Duration talk{};                       // from the 2xx or its ACK to the BYE
  bool is_ended_by_callee = false;
  bool is_abandoned = false;  // no end ever says BYE
  bool is_forked = false;     // the server has two callees, and both answer
};

[[nodiscard]] Plan plan_of(uint64_t seed, uint32_t number);

// Numbers as they stand in a Call-ID's user part.
[[nodiscard]] std::optional<uint32_t> number_of(std::string_view call_id);

}  // namespace siplb::test
