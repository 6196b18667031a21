#include "proxy/dialog_token.h"

namespace siplb::proxy {
namespace {

// Requests that open a dialog, or may (RFC 3261, 12.1; RFC 6665; RFC 3515).
bool opens_dialog(sip::Method method) {
  return method == sip::Method::Invite || method == sip::Method::Subscribe ||
         method == sip::Method::Refer || method == sip::Method::Notify;
}

sip::TokenEnd server_end(const balance::Server& server) {
  return {.is_server = true, .server_id = server.id, .address = server.address};
}

}  // namespace

sip::TokenText dialog_token(const Snapshot& snapshot, const Request& request,
                            const balance::Server& server) {
  const bool is_wanted = snapshot.topology.groups()[server.group].options.record_route;
  if (!is_wanted || !opens_dialog(request.message.method)) return {};
  sip::TokenEnd initiator;
  if (request.sender.is_server()) {
    initiator = server_end(snapshot.topology.servers()[request.sender.server]);
  } else {
    initiator.listener = snapshot.sides[request.source.listener].hash;
    initiator.transport = request.source.transport;
    initiator.address = request.source.remote;
  }
  const sip::Token fields{.initiator = initiator,
                          .responder = server_end(server),
                          .from_tag_hash = request.from_tag_hash,
                          .issue_day = request.tick.today};
  return snapshot.seal.seal_token(fields, request.message.call_id);
}

}  // namespace siplb::proxy
