#include "app/probe_targets.h"

namespace siplb::app {
namespace {

using balance::Group;
using balance::Server;
using balance::ServerIndex;

std::string request_uri(const Server& server) {
  std::string uri = "sip:";
  uri += server.address.text().view();
  if (server.transport != sip::Transport::Udp) {
    uri += ";transport=";
    uri += sip::transport_label(server.transport);
  }
  return uri;
}

// Requires: the server has an address.
void add_way(health::ProbeTarget& target, const proxy::Snapshot& snapshot, ServerIndex index) {
  const Server& server = snapshot.topology.servers()[index];
  target.request_uri = request_uri(server);
  target.listener = snapshot.server_sides[index];
  const proxy::Side& side = snapshot.sides[target.listener];
  const proxy::OwnName& own = side.name_for(server.address);
  target.local = side.bound.is_wildcard() ? own.local : side.bound.with_port(0);
  target.sent_by = own.sent_by;
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
  return plan;
}

}  // namespace siplb::app
