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

Sender find_sender(const Snapshot& snapshot, const transport::Flow& flow) {
  Sender sender;
  if (!snapshot.sides[flow.listener].admits_servers()) return sender;
  const balance::Topology::Origin origin = snapshot.topology.find_origin(origin_of(flow));
  if (origin.server == balance::kNoServer) return sender;
  sender.server = origin.server;
  sender.groups = origin.groups;
  const balance::GroupIndex group = snapshot.topology.servers()[sender.server].group;
  // Made from the name, so that it means the same after a restart; never 0, which is the clients'.
  const std::string& name = snapshot.topology.groups()[group].options.name;
  sender.affinity_group = static_cast<uint32_t>(hash_octets(name)) | 1;
  return sender;
}

}  // namespace siplb::proxy
