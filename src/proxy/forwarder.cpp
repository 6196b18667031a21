#include "proxy/forwarder.h"

#include "proxy/upstream_via.h"
#include "transport/message_slots.h"

namespace siplb::proxy {
namespace {

using AddedLines = FixedString<kAddedOctetsMax>;

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
  const std::string& sent_by = snapshot.sides.sent_by(input.outgoing.to);

  const sip::Branch branch = sip::branch_text(input.request.branch, input.outgoing.attempt);
  sip::ViaSeal fields;
  fields.lane = lane;
  fields.instance = snapshot.seal.instance();
  fields.transport = input.outgoing.to.transport;
  fields.mode = input.outgoing.mode;
  fields.loop_hash = loop_hash(input.request, snapshot);
  fields.listener = snapshot.sides[input.request.source.listener].hash;
  fields.minute = input.request.tick.minute;
  fields.local = input.request.source.local;
  fields.connection = input.request.source.connection.number();
  const sip::SlbText slb =
      snapshot.seal.seal_via(fields, branch, sent_by, stamped(message.via, input.stamp));
  lines.append("Via: SIP/2.0/");
  lines.append(sip::transport_name(input.outgoing.to.transport));
  lines.append(" ");
  lines.append(sent_by);
  lines.append(";branch=");
  lines.append(branch);
  lines.append(";slb=");
  lines.append(slb);
  lines.append("\r\n");
}

// What we are called, and reached by, on what goes by a flow.
struct OwnHop {
  std::string_view sent_by;
  sip::Transport transport;
  bool operator==(const OwnHop&) const = default;
};

OwnHop own_hop(const Sides& sides, const transport::Flow& flow) {
  return {sides.sent_by(flow), flow.transport};
}

struct RouteLine {
  std::string_view start;  // up to the URI
  std::string_view token;  // may be empty
  OwnHop hop;
  std::string_view params;
};

void append_route(AddedLines& lines, const RouteLine& route) {
  lines.append(route.start);
  lines.append("<sip:");
  if (!route.token.empty()) {
    lines.append(route.token);
    lines.append("@");
  }
  lines.append(route.hop.sent_by);
  if (route.hop.transport == sip::Transport::Tcp) lines.append(";transport=tcp");
  lines.append(route.params);
  lines.append(">\r\n");
}

// One Record-Route where both sides know us by one name and transport, else one for each (RFC
// 5658): the outer one is for the side that the request goes to.
void append_record_routes(AddedLines& lines, const Sides& sides, const transport::Flow& in,
                          const Outgoing& out) {
  const OwnHop outer = own_hop(sides, out.to);
  const OwnHop inner = own_hop(sides, in);
  append_route(lines, {"Record-Route: ", out.record_route_token, outer, ";lr"});
  if (inner != outer) append_route(lines, {"Record-Route: ", {}, inner, ";lr"});
}

// The registrar's requests come back by what we are called on its side. `ob` says that the flow is
// the client's own, so only the first hop may say it (RFC 5626, 5.1).
void append_path(AddedLines& lines, const Sides& sides, const Request& request,
                 const Outgoing& out) {
  sip::Via below;
  const bool is_first_hop = !read_next_via(request.message, below);
  append_route(lines,
               {"Path: ", out.path_token, own_hop(sides, out.to), is_first_hop ? ";lr;ob" : ";lr"});
}

// Where a client's request came from, for servers that see only our address.
void append_source(AddedLines& lines, const HeaderFilter& filter, const Request& request) {
  if (filter.source_header().empty() || request.sender.is_server()) return;
  lines.append(filter.source_header());
  lines.append(": ");
  lines.append(request.source.remote.text());
  lines.append("\r\n");
}

// What a strict router is sent: its URI as the Request-URI, and that as the last Route (16.6, step
// 6). Its own entry is among those that are popped.
void edit_for_strict_router(const Request& request, sip::Editor& editor) {
  const sip::Message& message = request.message;
  const char* behind_routes = nullptr;
  for (const sip::Header& header : message.headers()) {
    if (header.id == sip::HeaderId::Route) behind_routes = header.line.data() + header.line.size();
  }
  editor.replace(message.request_uri, request.routes.next.text);
  editor.insert_before(behind_routes, "Route: <");
  editor.insert_before(behind_routes, message.request_uri);
  editor.insert_before(behind_routes, ">\r\n");
}

}  // namespace

template <class Use>
auto Forwarder::edit(const Request& request, const Outgoing& outgoing, Use use) const {
  const sip::Message& message = request.message;
  const sip::ViaStamp stamp = sip::stamp_via(message.via, request.source.remote);

  AddedLines lines;
  append_via(lines, lane_, *outlook_.snapshot, {request, outgoing, stamp});
  if (!outgoing.record_route_token.empty()) {
    append_record_routes(lines, outlook_.snapshot->sides, request.source, outgoing);
  }
  if (!outgoing.path_token.empty()) append_path(lines, outlook_.snapshot->sides, request, outgoing);
  append_source(lines, outlook_.snapshot->header_filters[request.source.listener], request);
  if (message.max_forwards_digits.empty()) lines.append("Max-Forwards: 70\r\n");
  lines.append(missing_length(message, outgoing.to));

  sip::Editor editor(message.text);
  editor.insert_before(message.start_line.data() + message.start_line.size(), lines);
  if (stamp.needed) {
    editor.replace(stamp.regions[0], stamp.text);
    if (!stamp.regions[1].empty()) editor.erase(stamp.regions[1]);
  }
  for (const std::string_view popped : request.routes.popped) {
    if (!popped.empty()) editor.erase(popped);
  }
  if (request.routes.is_next_strict) edit_for_strict_router(request, editor);
  return use(editor.pieces());
}

Sent Forwarder::forward(const Request& request, const Outgoing& outgoing) {
  return edit(request, outgoing,
              [&](std::span<const std::string_view> pieces) { return send(outgoing.to, pieces); });
}

size_t Forwarder::length(const Request& request, const Outgoing& outgoing) const {
  return edit(request, outgoing, transport::length_of);
}

void Forwarder::forward_response(const sip::Message& response, const transport::Flow& to) {
  sip::Editor editor(response.text);
  const LengthLine length = missing_length(response, to);
  edit_response(response, length, editor);
  static_cast<void>(send(to, editor.pieces()));
}

Sent Forwarder::send(const transport::Flow& to, std::span<const std::string_view> pieces) {
  const bool is_queued = wire_.send(to, pieces) == transport::SendStatus::Queued;
  return is_queued || !to.is_stream() ? Sent::Yes : Sent::No;
}

LengthLine missing_length(const sip::Message& message, const transport::Flow& to) {
  LengthLine line;
  if (!to.is_stream() || message.find(sip::HeaderId::ContentLength) != nullptr) return line;
  line.append("Content-Length: ");
  line.append_number(message.body.size());
  line.append("\r\n");
  return line;
}

void edit_response(const sip::Message& response, const LengthLine& length, sip::Editor& editor) {
  if (!length.empty()) {
    editor.insert_before(response.start_line.data() + response.start_line.size(), length);
  }
  if (response.via_rest.empty()) {
    editor.erase(response.find(sip::HeaderId::Via)->line);
  } else {
    const char* top = response.via.text.data();
    editor.erase({top, response.via_rest.data()});
  }
}

}  // namespace siplb::proxy
