// What became of a message, as a value that outlives it: a Verdict without its texts.
//
// Thread: any, plain values.
#pragma once

#include "base/fixed_string.h"
#include "proxy/verdict.h"

namespace siplb::proxy {

struct Outcome {
  Verdict::Kind kind = Verdict::Kind::Drop;
  AbsorbReason absorb_reason = AbsorbReason::kCount;
  DropReason drop_reason = DropReason::kCount;
  uint16_t code = 0;  // of a reply

  [[nodiscard]] static Outcome of(const Verdict& verdict) {
    return {verdict.kind, verdict.absorb_reason, verdict.drop_reason, verdict.code};
  }

  // "forwarded", "answered", "absorbed" or "dropped".
  [[nodiscard]] std::string_view decision() const;
  // "503" of an answer, "repeat" of what ends here; empty of what goes on.
  using Reason = FixedString<32>;
  [[nodiscard]] Reason reason() const;
};

}  // namespace siplb::proxy
