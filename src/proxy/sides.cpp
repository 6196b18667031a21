#include "proxy/sides.h"

#include <algorithm>

#include "base/assert.h"
#include "sip/seal.h"

namespace siplb::proxy {
namespace {

int preference(transport::ListenerRole role) {
  switch (role) {
    case transport::ListenerRole::Servers: return 2;
    case transport::ListenerRole::Both: return 1;
    case transport::ListenerRole::Clients: break;
  }
  return 0;
}

Side make_side(const transport::ListenerOptions& options, const SockAddress& bound) {
  Side side;
  side.name = options.name;
  side.hash = sip::listener_hash(options.name);
  side.role = options.role;
  side.bound = bound;
  side.sent_by = options.advertise.empty() ? std::string(bound.text()) : options.advertise;
  // The configuration has checked `advertise`, so this URI is well-formed.
  const std::string text = "sip:" + side.sent_by;
  sip::Uri uri;
  SIPLB_ASSERT(sip::parse_uri(text, uri));
  side.host = uri.host;
  side.port = uri.effective_port();
  side.literal = uri.literal().value_or(SockAddress{});
  return side;
}

}  // namespace

Sides::Sides(std::span<const transport::ListenerOptions> listeners,
             std::span<const SockAddress> bound) {
  SIPLB_ASSERT(listeners.size() == bound.size());
  for (size_t i = 0; i < listeners.size(); ++i) {
    sides_.push_back(make_side(listeners[i], bound[i]));
  }
  for (const auto family : {SockAddress::Family::V4, SockAddress::Family::V6}) {
    egress_[static_cast<size_t>(family)] = select_egress(listeners, family);
  }
}

std::optional<transport::ListenerIndex> Sides::find(uint16_t hash) const {
  for (size_t i = 0; i < sides_.size(); ++i) {
    if (sides_[i].hash == hash) return static_cast<transport::ListenerIndex>(i);
  }
  return std::nullopt;
}

bool Sides::is_ours(std::string_view host, uint16_t port) const {
  const auto literal = SockAddress::parse_ip(host, port);
  return std::any_of(sides_.begin(), sides_.end(), [&](const Side& side) {
    if (literal) return side.bound == *literal || side.literal == *literal;
    return side.port == port && sip::equal_caseless(side.host, host);
  });
}

bool Sides::is_ours(const sip::Uri& uri) const {
  if (uri.scheme != sip::Scheme::Sip && uri.scheme != sip::Scheme::Sips) return false;
  return is_ours(uri.host, uri.effective_port());
}

std::optional<transport::ListenerIndex> select_egress(
    std::span<const transport::ListenerOptions> listeners, SockAddress::Family family) {
  std::optional<transport::ListenerIndex> best;
  for (size_t i = 0; i < listeners.size(); ++i) {
    if (listeners[i].address.family() != family) continue;
    if (!best || preference(listeners[i].role) > preference(listeners[*best].role)) {
      best = static_cast<transport::ListenerIndex>(i);
    }
  }
  return best;
}

}  // namespace siplb::proxy
