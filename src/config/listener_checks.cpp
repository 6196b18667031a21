// Listeners that get in each other's way, and what they are called.
#include <algorithm>

#include "config/check_parts.h"
#include "sip/seal.h"

namespace siplb::config {
namespace {

using transport::ListenerOptions;
using transport::ListenerRole;

// Port 0: unread, or any free port. A wildcard leaves an address to the listener that names it.
bool collide(const SockAddress& a, const SockAddress& b) {
  return a.port() != 0 && a == b;
}

bool is_for_everybody(const YamlNode& entry) {
  return entry.kind == YamlNode::Kind::Map && entry.find("to") == nullptr;
}

void check_names(const YamlNode& list, const ListenerOptions& listener, FaultList& faults) {
  Networks networks(faults);
  for (size_t i = 0; i < listener.advertise.size(); ++i) {
    networks.claim(listener.advertise[i].to, at(list.items[i], "to"));
  }
  const auto end = list.items.end();
  const auto last = std::find_if(list.items.begin(), end, is_for_everybody);
  if (last == end) {
    if (!listener.address.is_wildcard()) return;
    faults.add(list.place,
               "with a wildcard address the last of 'advertise' is for everybody, without 'to'");
  } else if (last + 1 != end) {
    faults.add((last + 1)->place, "this can never apply: the one before it is for everybody");
  }
}

void check_advertised(const YamlNode& item, const ListenerOptions& listener, FaultList& faults) {
  const YamlNode* value = item.find("advertise");
  if (value == nullptr) {
    if (!listener.address.is_wildcard()) return;
    faults.add(at(item, "address").place,
               "the sent-by of a wildcard address cannot be told: give 'advertise'");
  } else if (value->kind == YamlNode::Kind::List && !faults.has(value->place)) {
    check_names(*value, listener, faults);
  }
}

void check_headers(const YamlNode& item, const ListenerOptions& listener, FaultList& faults) {
  const YamlNode* headers = item.find("headers");
  if (headers == nullptr || listener.role != ListenerRole::Servers) return;
  faults.add(headers->place, "no client speaks here: the role is 'servers'");
}

void check_stun(const YamlNode& item, const ListenerOptions& listener, FaultList& faults) {
  if (!listener.stun || listener.transports.empty() || listener.has(sip::Transport::Udp)) return;
  faults.add(at(item, "stun").place, "'stun' goes only with transport 'udp'");
}

}  // namespace

void check_listeners(const YamlNode& list, const Configuration& configuration, FaultList& faults) {
  Owners hashes;
  Names names(faults, hashes, "");
  const auto begin = configuration.listeners.begin();
  for (size_t i = 0; i < configuration.listeners.size(); ++i) {
    const ListenerOptions& listener = configuration.listeners[i];
    const YamlNode& item = list.items[i];
    const Place place = at(item, "address").place;
    names.claim(listener.name, sip::listener_hash(listener.name), at(item, "name").place);
    check_link(listener.address, place, faults);

    const auto end = begin + static_cast<ptrdiff_t>(i);
    const auto other = std::find_if(begin, end, [&](const ListenerOptions& earlier) {
      return collide(earlier.address, listener.address);
    });
    if (other != end) faults.add(place, "listener " + shown(other->name) + " has this address");
    check_advertised(item, listener, faults);
    check_headers(item, listener, faults);
    check_stun(item, listener, faults);
  }
}

}  // namespace siplb::config
