// Our sides: what we are called, and send from, towards those who reach us by each listener.
//
// Made once the sockets are bound, since port 0 is known only then.
// Thread: any, immutable once built.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "sip/uri.h"
#include "transport/listener_options.h"

namespace siplb::proxy {

struct Side {
  std::string name;
  uint16_t hash = 0;  // sip::listener_hash(name)
  transport::ListenerRole role = transport::ListenerRole::Clients;
  SockAddress bound;
  std::string sent_by;  // what we write into Via and Record-Route: advertise, else bound
  std::string host;     // sent_by's host, IPv6 in brackets
  SockAddress literal;  // sent_by as an address; Family::None where the host is a name
  uint16_t port = 0;    // sent_by's port, 5060 where it has none

  [[nodiscard]] bool admits_servers() const { return role != transport::ListenerRole::Clients; }
};

class Sides {
 public:
  // `bound[i]` is the address that listener i really has.
  Sides(std::span<const transport::ListenerOptions> listeners, std::span<const SockAddress> bound);

  [[nodiscard]] const Side& operator[](transport::ListenerIndex index) const {
    return sides_[index];
  }
  [[nodiscard]] size_t size() const { return sides_.size(); }

  // The listener whose name has this hash; nothing where it is gone from the configuration.
  [[nodiscard]] std::optional<transport::ListenerIndex> find(uint16_t hash) const;
  // What we send from towards servers of that family; nothing where no listener has it.
  [[nodiscard]] std::optional<transport::ListenerIndex> egress(SockAddress::Family family) const {
    return egress_[static_cast<size_t>(family)];
  }
  // True where host and port are an address that we listen on, or one that we advertise.
  [[nodiscard]] bool is_ours(std::string_view host, uint16_t port) const;
  [[nodiscard]] bool is_ours(const sip::Uri& uri) const;

 private:
  std::vector<Side> sides_;
  std::array<std::optional<transport::ListenerIndex>, 3> egress_;  // by address family
};

// The egress side of servers of one address family: of the listeners of that family those of role
// `servers` are preferred, then `both`, then `clients`; the first in the file. Nothing where no
// listener has that family.
[[nodiscard]] std::optional<transport::ListenerIndex> select_egress(
    std::span<const transport::ListenerOptions> listeners, SockAddress::Family family);

}  // namespace siplb::proxy
