// Puts a message right before anything is decided about it: headers that its sender may not send
// are taken out, and what a strict router has done to the Request-URI is undone (RFC 3261, 16.4).
//
// So all that follows sees the message as a loose router without false claims would have sent it.
// Few messages need any of it; those are scanned again.
// Thread: one, the lane's worker. Bounds: one buffer of kMessageOctetsMax; no heap.
#pragma once

#include <array>
#include <span>

#include "proxy/outlook.h"
#include "proxy/request.h"
#include "sip/message.h"

namespace siplb::proxy {

class Intake {
 public:
  explicit Intake(const Outlook& outlook) : outlook_(outlook) {}

  // `message` has been scanned from `octets`, which came by `source`; from now on it may be a view
  // into a buffer of this object, until the next call. Not Ok where it can't be put right.
  [[nodiscard]] sip::ScanStatus put_right(std::span<char> octets, const transport::Flow& source,
                                          const Tick& tick, sip::Message& message);

 private:
  [[nodiscard]] bool is_from_strict_router(const sip::Message& message,
                                           const transport::Flow& source, const Tick& tick) const;

  const Outlook& outlook_;
  std::array<char, sip::kMessageOctetsMax> buffer_;
};

}  // namespace siplb::proxy
