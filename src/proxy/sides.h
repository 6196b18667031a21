// Our sides: what we are called, and send from, towards those who reach us by each listener.
//
// Made once the sockets are bound, since port 0 is known only then.
// Thread: any, immutable once built.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/network.h"
#include "sip/uri.h"
#include "transport/flow.h"
#include "transport/listener_options.h"

namespace siplb::proxy {

// A name that a listener has.
struct OwnName {
  std::vector<Network> to;  // who knows us by it; empty: everybody
  std::string sent_by;      // as we write it into Via and Record-Route
  std::string host;         // of sent_by, IPv6 in brackets
  SockAddress literal;      // sent_by as an address; Family::None where the host is a name
  uint16_t port = 0;        // of sent_by, 5060 where it has none
  // What we send from where the listener has a wildcard address and this name is an address of this
  // host, port 0: so that whoever we call first hears from the address that he answers to.
  SockAddress local;
};

// What only the host knows. By default all is on the way and nothing is on the host, which changes
// nothing.
struct HostFacts {
  // True where `local` is an address of the interface by which the host sends to `remote`.
  std::function<bool(const SockAddress& local, const SockAddress& remote)> is_on_way =
      [](const SockAddress&, const SockAddress&) { return true; };
  // True where the host has this address.
  std::function<bool(const SockAddress& address)> is_on_host = [](const SockAddress&) {
    return false;
  };
};

struct Side {
  std::string name;   // empty: it has left
  uint16_t hash = 0;  // sip::listener_hash() of the name that it has or had
  transport::ListenerRole role = transport::ListenerRole::Clients;
  SockAddress bound;                       // may be a wildcard
  std::vector<sip::Transport> transports;  // none: it has left
  bool answers_stun = false;
  std::vector<OwnName> names;  // what is advertised, in order; the last is for everybody

  [[nodiscard]] bool admits_servers() const { return role != transport::ListenerRole::Clients; }
  [[nodiscard]] bool has(SockAddress::Family family, sip::Transport transport) const;
  // What `remote` knows us by.
  [[nodiscard]] const OwnName& name_for(const SockAddress& remote) const;
};

// Where somebody is, and how he is reached.
struct ServerPlace {
  SockAddress address;
  sip::Transport transport = sip::Transport::Udp;
  bool takes_tcp = false;  // as well: see balance::ServerOptions
};

class Sides {
 public:
  // `bound[i]` is the address that listener i really has, or had before it left; `names` are hosts
  // that are us besides.
  Sides(std::span<const transport::ListenerOptions> listeners, std::span<const SockAddress> bound,
        std::span<const std::string> names, const HostFacts& host);

  [[nodiscard]] const Side& operator[](transport::ListenerIndex index) const {
    return sides_[index];
  }
  [[nodiscard]] size_t size() const { return sides_.size(); }

  // The listener whose name has this hash, else one that had it and has left: connections that came
  // by it live on. Nothing where there is neither.
  [[nodiscard]] std::optional<transport::ListenerIndex> find(uint16_t hash) const;
  // How something is sent to a place that nothing has come from yet.
  [[nodiscard]] transport::Flow flow_to(transport::ListenerIndex listener,
                                        const ServerPlace& place) const;
  // What we call ourselves on what goes by `flow`.
  [[nodiscard]] const std::string& sent_by(const transport::Flow& flow) const {
    return sides_[flow.listener].name_for(flow.remote).sent_by;
  }

  // True where host and port, a Via's sent-by, are an address that we are bound to or one that we
  // advertise; on that listener, or on any.
  [[nodiscard]] bool is_own_sent_by(transport::ListenerIndex listener, std::string_view host,
                                    uint16_t port) const;
  [[nodiscard]] bool is_own_sent_by(std::string_view host, uint16_t port) const;
  // True where a URI leads to us: by such an address, by `local` (or Family::None) at a wildcard's
  // port, or by one of our names.
  [[nodiscard]] bool is_ours(const sip::Uri& uri, const SockAddress& local) const;
  // The same of a place.
  [[nodiscard]] bool is_ours(const SockAddress& place, const SockAddress& local) const;

 private:
  std::vector<Side> sides_;
  std::vector<std::string> names_;
};

// Of the listeners of the server's family that have its transports, what we send from towards it.
// Rather one that is on the way there, by `host`, or has a wildcard address, than any other; of
// these rather one of role `servers` than `both`, than `clients`; of these the first in the file.
// Nothing where no listener has both.
[[nodiscard]] std::optional<transport::ListenerIndex> select_server_side(
    std::span<const transport::ListenerOptions> listeners, const ServerPlace& server,
    const HostFacts& host);

// The same towards clients of that family and transport that no flow leads to: rather of role
// `clients` than `both`, than `servers`.
[[nodiscard]] std::optional<transport::ListenerIndex> select_client_side(
    std::span<const transport::ListenerOptions> listeners, SockAddress::Family family,
    sip::Transport transport);

}  // namespace siplb::proxy
