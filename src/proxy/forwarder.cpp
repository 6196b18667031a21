#include "proxy/forwarder.h"

#include "base/fixed_string.h"

namespace siplb::proxy {
namespace {

// Via, two Record-Routes and Max-Forwards with the longest token and `advertise`.
using AddedLines = FixedString<1536>;

struct ViaInput {
  const Request& request;
  const Outgoing& outgoing;
  const sip::ViaStamp& stamp;
};

sip::NextVia stamped(const sip::Via& via, const sip::ViaStamp& stamp) {
  sip::NextVia next = sip::canonical(via);
  next.received = stamp.received;
  next.rport = stamp.rport;
  return next;
}

void append_via(AddedLines& lines, uint8_t lane, const Snapshot& snapshot, const ViaInput& input) {
  const sip::Message& message = input.request.message;
  const Side& in = snapshot.sides[input.request.source.listener];
  const Side& out = snapshot.sides[input.outgoing.to.listener];

  const sip::Branch branch = sip::branch_text(input.request.branch, input.outgoing.attempt);
  sip::ViaSeal fields;
  fields.lane = lane;
  fields.instance = snapshot.seal.instance();
  fields.mode = input.outgoing.mode;
  fields.loop_hash = snapshot.seal.loop_hash(message, input.request.routes.remaining, in.hash,
                                             input.request.sender.affinity_group);
  fields.listener = in.hash;
  const sip::SlbText slb =
      snapshot.seal.seal_via(fields, branch, out.sent_by, stamped(message.via, input.stamp));
  lines.append("Via: SIP/2.0/");
  lines.append(sip::transport_name(input.outgoing.to.transport));
  lines.append(" ");
  lines.append(out.sent_by);
  lines.append(";branch=");
  lines.append(branch);
  lines.append(";slb=");
  lines.append(slb);
  lines.append("\r\n");
}

void append_record_route(AddedLines& lines, const Side& side, std::string_view token) {
  lines.append("Record-Route: <sip:");
  if (!token.empty()) {
    lines.append(token);
    lines.append("@");
  }
  lines.append(side.sent_by);
  lines.append(";lr>\r\n");
}

// One Record-Route where both sides know us by one name, else one for each (RFC 5658): the outer
// one is for the side that the request goes to.
void append_record_routes(AddedLines& lines, const Side& in, const Side& out,
                          std::string_view token) {
  append_record_route(lines, out, token);
  if (in.sent_by != out.sent_by) append_record_route(lines, in, {});
}

}  // namespace

void Forwarder::forward(const Request& request, const Outgoing& outgoing) {
  const sip::Message& message = request.message;
  const sip::ViaStamp stamp = sip::stamp_via(message.via, request.source.remote);

  AddedLines lines;
  append_via(lines, lane_, snapshot_, {request, outgoing, stamp});
  if (!outgoing.record_route_token.empty()) {
    append_record_routes(lines, snapshot_.sides[request.source.listener],
                         snapshot_.sides[outgoing.to.listener], outgoing.record_route_token);
  }
  if (message.max_forwards_digits.empty()) lines.append("Max-Forwards: 70\r\n");

  sip::Editor editor(message.text);
  editor.insert_before(message.start_line.data() + message.start_line.size(), lines);
  if (stamp.needed) {
    editor.replace(stamp.regions[0], stamp.text);
    if (!stamp.regions[1].empty()) editor.erase(stamp.regions[1]);
  }
  for (const std::string_view popped : request.routes.popped) {
    if (!popped.empty()) editor.erase(popped);
  }
  send(outgoing.to, editor.pieces());
}

void Forwarder::forward_response(const sip::Message& response, const transport::Flow& to) {
  sip::Editor editor(response.text);
  remove_own_via(response, editor);
  send(to, editor.pieces());
}

void Forwarder::send(const transport::Flow& to, std::span<const std::string_view> pieces) {
  // The wire has counted a failure; a datagram that is not sent is one that got lost.
  static_cast<void>(wire_.send(to, pieces));
}

void remove_own_via(const sip::Message& response, sip::Editor& editor) {
  if (response.via_rest.empty()) {
    editor.erase(response.find(sip::HeaderId::Via)->line);
  } else {
    const char* top = response.via.text.data();
    editor.erase({top, response.via_rest.data()});
  }
}

}  // namespace siplb::proxy
