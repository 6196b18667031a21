#include "proxy/size_rule.h"

namespace siplb::proxy {

SizeRule::SizeRule(const Snapshot& snapshot, const Forwarder& forwarder)
    : snapshot_(snapshot),
      forwarder_(forwarder),
      refused_until_(snapshot.topology.servers().size()) {}

transport::Flow SizeRule::flow_for(const Request& request, const Target& target,
                                   const Outgoing& outgoing) const {
  const transport::Flow& to = outgoing.to;
  if (target.server == balance::kNoServer || to.is_stream()) return to;
  const bool takes_tcp = snapshot_.topology.servers()[target.server].takes_tcp;
  if (!takes_tcp || request.tick.now < refused_until_[target.server]) return to;
  const auto stream = snapshot_.flow_to(target.server, {to.remote, sip::Transport::Tcp});
  if (!stream || forwarder_.length(request, outgoing) <= kDatagramOctetsMax) return to;
  return *stream;
}

void SizeRule::on_refused(balance::ServerIndex server, Instant now) {
  refused_until_[server] = now + kRefusedFor;
}

std::optional<transport::Flow> SizeRule::over_datagrams(balance::ServerIndex server,
                                                        const transport::Flow& to) const {
  const bool takes_both = server != balance::kNoServer && to.is_stream() &&
                          snapshot_.topology.servers()[server].takes_tcp;
  if (!takes_both) return std::nullopt;
  return snapshot_.flow_to(server, {to.remote, sip::Transport::Udp});
}

}  // namespace siplb::proxy
