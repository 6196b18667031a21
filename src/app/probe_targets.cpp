#include "app/probe_targets.h"

namespace siplb::app {
namespace {

using balance::Group;
using balance::Server;
using balance::ServerIndex;

std::string request_uri(const SockAddress& address, sip::Transport transport) {
  std::string uri = "sip:";
  uri += address.text().view();
  if (transport != sip::Transport::Udp) {
    uri += ";transport=";
    uri += sip::transport_label(transport);
  }
  return uri;
}

// Requires: the server has an address.
void add_way(health::ProbeTarget& target, const proxy::Snapshot& snapshot, ServerIndex index) {
  const Server& server = snapshot.topology.servers()[index];
  target.request_uri = request_uri(server.address, server.transport);
  target.listener = snapshot.server_sides[index];
  const proxy::Side& side = snapshot.sides[target.listener];
  const proxy::OwnName& own = side.name_for(server.address);
  target.local = side.bound.is_wildcard() ? own.local : side.bound.with_port(0);
  target.sent_by = own.sent_by;
}

// Where this host reaches a socket that is bound so.
SockAddress address_within(const SockAddress& bound) {
  if (!bound.is_wildcard()) return bound;
  return *SockAddress::parse_ip(bound.is_v6() ? "::1" : "127.0.0.1", bound.port());
}

// One of its transports: behind all of them are the same lanes.
health::OwnListener own_listener(const proxy::Side& side) {
  if (side.transports.empty()) return {};  // it has left
  const bool has_udp = side.has(side.bound.family(), sip::Transport::Udp);
  const auto transport = has_udp ? sip::Transport::Udp : side.transports.front();
  const SockAddress address = address_within(side.bound);
  return {
      .address = address, .transport = transport, .request_uri = request_uri(address, transport)};
}

}  // namespace

health::ProbePlan make_probe_plan(const proxy::Snapshot& snapshot,
                                  const OperatorSettings& settings) {
  const balance::Topology& topology = snapshot.topology;
  health::ProbePlan plan;
  plan.targets.resize(topology.servers().size());
  for (const Group& group : topology.groups()) {
    plan.groups.push_back({.panic_below = group.options.panic_below});
    for (size_t i = 0; i < group.servers.size(); ++i) {
      const ServerIndex index = group.servers[i];
      const Server& server = topology.servers()[index];
      const std::string key = setting_key(group.options.name, server.name);
      health::ProbeTarget& target = plan.targets[index];
      target.address = server.address;
      target.transport = server.transport;
      target.group = server.group;
      target.weight = server.weight;
      target.operator_state = setting_of(settings, key).state;
      target.options = group.options.servers[i].health;
      if (!server.is_empty()) add_way(target, snapshot, index);
    }
  }
  for (size_t i = 0; i < snapshot.sides.size(); ++i) {
    plan.listeners.push_back(
        own_listener(snapshot.sides[static_cast<transport::ListenerIndex>(i)]));
  }
  plan.self_probe = snapshot.self_probe;
  return plan;
}

}  // namespace siplb::app
