#include "proxy/sender.h"

#include "base/hash.h"

namespace siplb::proxy {

namespace {

// What may make its sender a server: over an accepted stream only the address, since any port of
// that host may be another's.
SockAddress origin_of(const transport::Flow& flow) {
  const bool is_accepted = !flow.connection.is_none() && !flow.connection.is_outbound();
  return is_accepted ? flow.remote.with_port(0) : flow.remote;
}

}  // namespace

uint32_t affinity_group_of(const balance::Topology& topology, balance::ServerIndex server) {
  const std::string& name = topology.groups()[topology.servers()[server].group].options.name;
  return static_cast<uint32_t>(hash_octets(name)) | 1;
}

Sender find_sender(const Snapshot& snapshot, const transport::Flow& flow) {
  Sender sender;
  if (!snapshot.sides[flow.listener].admits_servers()) return sender;
  const balance::Topology::Origin origin = snapshot.topology.find_origin(origin_of(flow));
  if (origin.server == balance::kNoServer) return sender;
  sender.server = origin.server;
  sender.groups = origin.groups;
  sender.affinity_group = affinity_group_of(snapshot.topology, sender.server);
  return sender;
}

}  // namespace siplb::proxy
