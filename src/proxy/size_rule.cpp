#include "proxy/size_rule.h"

namespace siplb::proxy {

SizeRule::SizeRule(const Outlook& outlook, const Forwarder& forwarder)
    : outlook_(outlook),
      forwarder_(forwarder),
      refused_until_(outlook.topology().servers().size()) {}

transport::Flow SizeRule::flow_for(const Request& request, const Target& target,
                                   const Outgoing& outgoing) const {
  const transport::Flow& to = outgoing.to;
  if (target.server == balance::kNoServer || to.is_stream()) return to;
  const bool takes_tcp = outlook_.topology().servers()[target.server].takes_tcp;
  if (!takes_tcp || request.tick.now < refused_until_[target.server]) return to;
  const auto stream = outlook_.snapshot->flow_to(target.server, {to.remote, sip::Transport::Tcp});
  if (!stream || forwarder_.length(request, outgoing) <= kDatagramOctetsMax) return to;
  return *stream;
}

void SizeRule::on_refused(balance::ServerIndex server, Instant now) {
  refused_until_[server] = now + kRefusedFor;
}

std::optional<transport::Flow> SizeRule::over_datagrams(balance::ServerIndex server,
                                                        const transport::Flow& to) const {
  const bool takes_both = server != balance::kNoServer && to.is_stream() &&
                          outlook_.topology().servers()[server].takes_tcp;
  if (!takes_both) return std::nullopt;
  return outlook_.snapshot->flow_to(server, {to.remote, sip::Transport::Udp});
}

}  // namespace siplb::proxy
