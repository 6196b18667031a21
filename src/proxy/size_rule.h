// Which requests go by TCP to a server that is asked over UDP: those that are too long for a
// datagram (RFC 3261, 18.1.1).
//
// Only servers that say so take TCP besides UDP. One that refuses it all the same is not asked
// again for a while: then even long requests go by UDP, in fragments.
// Thread: one, the lane's worker. Bounds: an instant for each server; no heap after the
// constructor.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "proxy/forwarder.h"
#include "proxy/target.h"

namespace siplb::proxy {

class SizeRule {
 public:
  // As it goes out. Of the path's MTU nothing is known.
  static constexpr size_t kDatagramOctetsMax = 1300;
  static constexpr Duration kRefusedFor = std::chrono::seconds(60);

  // Both are borrowed for its life.
  SizeRule(const Outlook& outlook, const Forwarder& forwarder);

  // How the request goes to `target`: by outgoing.to, or by a stream to the same place.
  [[nodiscard]] transport::Flow flow_for(const Request& request, const Target& target,
                                         const Outgoing& outgoing) const;
  // What was sent to the server because of this rule did not leave.
  void on_refused(balance::ServerIndex server, Instant now);
  // How a server that takes both is reached at the other end of `to`, a stream, without this rule;
  // nothing for all others.
  [[nodiscard]] std::optional<transport::Flow> over_datagrams(balance::ServerIndex server,
                                                              const transport::Flow& to) const;

 private:
  const Outlook& outlook_;
  const Forwarder& forwarder_;
  std::vector<Instant> refused_until_;  // by server
};

}  // namespace siplb::proxy
