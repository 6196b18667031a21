#include "proxy/sides.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/assert.h"
#include "sip/seal.h"

namespace siplb::proxy {
namespace {

using transport::ListenerIndex;
using transport::ListenerOptions;
using transport::ListenerRole;

OwnName make_name(std::span<const Network> to, std::string sent_by) {
  // The configuration has checked what is advertised, so this URI is well-formed.
  const std::string text = "sip:" + sent_by;
  sip::Uri uri;
  SIPLB_ASSERT(sip::parse_uri(text, uri));
  return {.to = {to.begin(), to.end()},
          .sent_by = std::move(sent_by),
          .host = std::string(uri.host),
          .literal = uri.literal().value_or(SockAddress{}),
          .port = uri.effective_port(),
          .local = {}};
}

Side make_side(const ListenerOptions& options, const SockAddress& bound, const HostFacts& host) {
  Side side{.name = options.has_left() ? std::string() : options.name,
            .hash = sip::listener_hash(options.name),
            .role = options.role,
            .bound = bound,
            .transports = options.transports,
            .answers_stun = options.stun,
            .names = {}};
  for (const transport::Advertised& advertised : options.advertise) {
    side.names.push_back(make_name(advertised.to, advertised.as));
    OwnName& name = side.names.back();
    if (bound.is_wildcard() && host.is_on_host(name.literal))
      name.local = name.literal.with_port(0);
  }
  if (side.names.empty() || !side.names.back().to.empty()) {
    SIPLB_ASSERT(!bound.is_wildcard());  // the configuration wants a name for everybody then
    side.names.push_back(make_name({}, std::string(bound.text())));
  }
  return side;
}

// Where it was met on one of a wildcard's addresses.
bool is_met_at(const Side& side, const SockAddress& address, const SockAddress& local) {
  return side.bound.is_wildcard() && side.bound.port() == address.port() && address.same_ip(local);
}

bool is_at(const Side& side, const SockAddress& address) {
  return side.bound == address ||
         std::any_of(side.names.begin(), side.names.end(),
                     [&](const OwnName& name) { return name.literal == address; });
}

bool is_called(const Side& side, std::string_view host, uint16_t port) {
  if (const auto literal = SockAddress::parse_ip(host, port)) return is_at(side, *literal);
  return std::any_of(side.names.begin(), side.names.end(), [&](const OwnName& name) {
    return name.port == port && sip::equal_caseless(name.host, host);
  });
}

// The listener of that family and transport with the highest rank, the first of them.
template <class Rank>
std::optional<ListenerIndex> select_side(std::span<const ListenerOptions> listeners,
                                         SockAddress::Family family, sip::Transport transport,
                                         Rank rank_of) {
  std::optional<ListenerIndex> best;
  for (size_t i = 0; i < listeners.size(); ++i) {
    if (listeners[i].address.family() != family || !listeners[i].has(transport)) continue;
    if (!best || rank_of(listeners[i]) > rank_of(listeners[*best])) {
      best = static_cast<ListenerIndex>(i);
    }
  }
  return best;
}

}  // namespace

bool Side::has(SockAddress::Family family, sip::Transport transport) const {
  return bound.family() == family &&
         std::find(transports.begin(), transports.end(), transport) != transports.end();
}

const OwnName& Side::name_for(const SockAddress& remote) const {
  const auto is_for = [&](const OwnName& own) {
    return own.to.empty() || any_contains(own.to, remote);
  };
  const auto found = std::find_if(names.begin(), names.end(), is_for);
  return found == names.end() ? names.back() : *found;
}

Sides::Sides(std::span<const ListenerOptions> listeners, std::span<const SockAddress> bound,
             std::span<const std::string> names, const HostFacts& host)
    : names_(names.begin(), names.end()) {
  SIPLB_ASSERT(listeners.size() == bound.size());
  for (size_t i = 0; i < listeners.size(); ++i) {
    sides_.push_back(make_side(listeners[i], bound[i], host));
  }
}

std::optional<ListenerIndex> Sides::find(uint16_t hash) const {
  std::optional<ListenerIndex> left;
  for (size_t i = 0; i < sides_.size(); ++i) {
    if (sides_[i].hash != hash) continue;
    if (!sides_[i].transports.empty()) return static_cast<ListenerIndex>(i);
    left = static_cast<ListenerIndex>(i);
  }
  return left;
}

transport::Flow Sides::flow_to(ListenerIndex listener, const ServerPlace& place) const {
  return {.remote = place.address,
          .local = sides_[listener].name_for(place.address).local,
          .listener = listener,
          .transport = place.transport};
}

bool Sides::is_own_sent_by(ListenerIndex listener, std::string_view host, uint16_t port) const {
  return is_called(sides_[listener], host, port);
}

bool Sides::is_own_sent_by(std::string_view host, uint16_t port) const {
  return std::any_of(sides_.begin(), sides_.end(),
                     [&](const Side& side) { return is_called(side, host, port); });
}

bool Sides::is_ours(const sip::Uri& uri, const SockAddress& local) const {
  if (uri.scheme != sip::Scheme::Sip && uri.scheme != sip::Scheme::Sips) return false;
  if (const auto literal = uri.literal()) return is_ours(*literal, local);
  if (is_own_sent_by(uri.host, uri.effective_port())) return true;
  const bool is_name = std::any_of(names_.begin(), names_.end(), [&](const std::string& name) {
    return sip::equal_caseless(name, uri.host);
  });
  return is_name && (uri.port == 0 || std::any_of(sides_.begin(), sides_.end(), [&](const Side& s) {
                       return s.bound.port() == uri.port;
                     }));
}

bool Sides::is_ours(const SockAddress& place, const SockAddress& local) const {
  return std::any_of(sides_.begin(), sides_.end(), [&](const Side& side) {
    return is_at(side, place) || is_met_at(side, place, local);
  });
}

std::optional<ListenerIndex> select_server_side(std::span<const ListenerOptions> listeners,
                                                const ServerPlace& server, const HostFacts& host) {
  const auto by_role = [](ListenerRole role) {
    return role == ListenerRole::Servers ? 2 : role == ListenerRole::Both ? 1 : 0;
  };
  const auto rank_of = [&](const ListenerOptions& listener) {
    const bool reaches =
        listener.address.is_wildcard() || host.is_on_way(listener.address, server.address);
    const bool has_all = !server.takes_tcp || listener.has(sip::Transport::Tcp);
    return std::tuple(has_all, reaches, by_role(listener.role));
  };
  return select_side(listeners, server.address.family(), server.transport, rank_of);
}

std::optional<ListenerIndex> select_client_side(std::span<const ListenerOptions> listeners,
                                                SockAddress::Family family,
                                                sip::Transport transport) {
  return select_side(listeners, family, transport, [](const ListenerOptions& listener) {
    const ListenerRole role = listener.role;
    return role == ListenerRole::Clients ? 2 : role == ListenerRole::Both ? 1 : 0;
  });
}

}  // namespace siplb::proxy
