#include "proxy/checks.h"

namespace siplb::proxy {

std::optional<Verdict> check_request(const sip::Message& request, sip::Transport transport) {
  if (request.via.known_transport() != transport) {
    return Verdict::reply(400, "Via Names Another Transport");
  }
  if (!sip::equal_caseless(request.version, "SIP/2.0")) return Verdict::reply(505);
  if (!request.max_forwards_digits.empty() && request.max_forwards == 0) return Verdict::reply(483);
  return std::nullopt;
}

Verdict judge_fault(sip::ScanStatus status, const sip::Message& message) {
  if (status == sip::ScanStatus::KeepAlive) return Verdict::absorb(AbsorbReason::KeepAlive);
  if (status == sip::ScanStatus::NotSip) return Verdict::drop(DropReason::NotSip);
  if (message.is_request && sip::answerable(message)) return Verdict::reply(400);
  return Verdict::drop(DropReason::Malformed);
}

}  // namespace siplb::proxy
