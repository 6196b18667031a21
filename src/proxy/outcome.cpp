#include "proxy/outcome.h"

namespace siplb::proxy {

std::string_view Outcome::decision() const {
  switch (kind) {
    case Verdict::Kind::Forward: return "forwarded";
    case Verdict::Kind::Reply: return "answered";
    case Verdict::Kind::Absorb: return "absorbed";
    case Verdict::Kind::Drop: break;
  }
  return "dropped";
}

Outcome::Reason Outcome::reason() const {
  Reason out;
  switch (kind) {
    case Verdict::Kind::Forward: break;
    case Verdict::Kind::Reply: out.append_number(code); break;
    case Verdict::Kind::Absorb: out.append(name(absorb_reason)); break;
    case Verdict::Kind::Drop: out.append(name(drop_reason)); break;
  }
  return out;
}

}  // namespace siplb::proxy
