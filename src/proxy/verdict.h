// What becomes of a message: exactly one of these, counted when it is decided.
//
// (The fifth, handed over to the lane it belongs to, is decided before a lane reads it: worker.h.)
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/counters.h"

namespace siplb::proxy {

struct [[nodiscard]] Verdict {
  enum class Kind : uint8_t { Forward, Reply, Absorb, Drop };

  Kind kind = Kind::Drop;
  AbsorbReason absorb_reason = AbsorbReason::kCount;
  DropReason drop_reason = DropReason::kCount;
  uint16_t code = 0;              // Reply
  std::string_view reason = {};   // Reply: empty = the registered phrase
  std::string_view headers = {};  // Reply: further header lines

  static Verdict forward() { return {.kind = Kind::Forward}; }
  static Verdict absorb(AbsorbReason why) { return {.kind = Kind::Absorb, .absorb_reason = why}; }
  static Verdict drop(DropReason why) { return {.kind = Kind::Drop, .drop_reason = why}; }
  static Verdict reply(uint16_t code, std::string_view reason = {}, std::string_view headers = {}) {
    return {.kind = Kind::Reply, .code = code, .reason = reason, .headers = headers};
  }
};

}  // namespace siplb::proxy
