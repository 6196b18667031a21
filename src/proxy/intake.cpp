#include "proxy/intake.h"

#include "proxy/sender.h"
#include "sip/strict_route.h"

namespace siplb::proxy {

sip::ScanStatus Intake::put_right(std::span<char> octets, const transport::Flow& source,
                                  const Tick& tick, sip::Message& message) {
  const HeaderFilter& filter = outlook_.snapshot->header_filters[source.listener];
  if (!filter.is_empty() && !find_sender(*outlook_.snapshot, source).is_server()) {
    const size_t length = filter.apply(octets, message);
    if (length < octets.size()) {
      const sip::ScanStatus status =
          sip::scan({octets.data(), length}, outlook_.snapshot->scan_limits, message);
      if (status != sip::ScanStatus::Ok) return status;
    }
  }
  if (!is_from_strict_router(message, source, tick)) return sip::ScanStatus::Ok;
  const size_t length = sip::undo_strict_route(message, buffer_);
  if (length == 0) return sip::ScanStatus::BadRequestUri;
  return sip::scan({buffer_.data(), length}, outlook_.snapshot->scan_limits, message);
}

// Its Request-URI is one that we wrote into a Record-Route.
bool Intake::is_from_strict_router(const sip::Message& message, const transport::Flow& source,
                                   const Tick& tick) const {
  if (!message.is_request || message.find(sip::HeaderId::Route) == nullptr) return false;
  sip::Token token;
  return outlook_.snapshot->seal.open_token(message.uri.user, message.call_id, tick.today, token) ==
             sip::SealFault::None ||
         (message.uri.user.empty() && sip::is_loose(message.uri) &&
          outlook_.snapshot->sides.is_ours(message.uri, source.local));
}

}  // namespace siplb::proxy
