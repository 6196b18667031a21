#include "proxy/dialog_token.h"

#include <algorithm>

#include "sip/header_names.h"

namespace siplb::proxy {
namespace {

// Requests that open a dialog, or may (RFC 3261, 12.1; RFC 6665; RFC 3515).
bool opens_dialog(sip::Method method) {
  return method == sip::Method::Invite || method == sip::Method::Subscribe ||
         method == sip::Method::Refer || method == sip::Method::Notify;
}

sip::TokenEnd server_end(const balance::Server& server) {
  return {.is_server = true,
          .server_id = server.id,
          .transport = server.transport,
          .address = server.address};
}

sip::TokenEnd sender_end(const Snapshot& snapshot, const Request& request) {
  return request.sender.is_server() ? server_end(snapshot.topology.servers()[request.sender.server])
                                    : client_end(snapshot, request.source);
}

sip::TokenEnd target_end(const Snapshot& snapshot, const Target& target) {
  return target.server != balance::kNoServer
             ? server_end(snapshot.topology.servers()[target.server])
             : client_end(snapshot, target.to);
}

// Requests that may change where a dialog's ends are (RFC 3261, 12.2; RFC 3311; RFC 6665).
bool refreshes_target(sip::Method method) {
  return opens_dialog(method) || method == sip::Method::Update;
}

// As the group of the server that it goes to wants it, or of the one that it comes from.
bool wants_record_route(const Snapshot& snapshot, const Request& request, const Target& target) {
  const balance::ServerIndex server =
      target.server != balance::kNoServer ? target.server : request.sender.server;
  if (server == balance::kNoServer) return false;
  const balance::GroupIndex group = snapshot.topology.servers()[server].group;
  return snapshot.topology.groups()[group].options.record_route;
}

// Its Via or Contact says another address than it sends from.
bool is_behind_nat(const Request& request) {
  const sip::Message& message = request.message;
  const SockAddress& source = request.source.remote;
  const sip::Via& via = message.via;
  if (SockAddress::parse_ip(via.host, via.effective_port()) != source) return true;
  const sip::Header* const contact = message.find(sip::HeaderId::Contact);
  if (contact == nullptr || contact->value == "*") return false;
  sip::ValueReader values(contact->value);
  std::string_view value;
  sip::NameAddr address;
  sip::Uri uri;
  const bool is_read = values.next(value) && sip::parse_name_addr(value, address) &&
                       sip::parse_uri(address.uri, uri);
  return !is_read || uri.literal() != source;
}

bool supports_path(const sip::Message& message) {
  return std::any_of(message.headers().begin(), message.headers().end(),
                     [](const sip::Header& header) {
                       if (!sip::equal_caseless(sip::long_form(header.name), "Supported"))
                         return false;
                       sip::ValueReader options(header.value);
                       for (std::string_view option; options.next(option);) {
                         if (sip::equal_caseless(option, "path")) return true;
                       }
                       return false;
                     });
}

}  // namespace

sip::TokenEnd client_end(const Snapshot& snapshot, const transport::Flow& flow) {
  const bool has_connection = !flow.connection.is_none();
  return {.listener = snapshot.sides[flow.listener].hash,
          .transport = flow.transport,
          .address = flow.remote,
          .local = flow.local,
          .instance = has_connection ? snapshot.seal.instance() : 0,
          .connection = flow.connection.number()};
}

bool is_in_dialog(const Request& request, const sip::Seal& seal) {
  const RouteSet& routes = request.routes;
  return !request.message.to_tag.empty() ||
         (routes.has_dialog_token() && routes.token.from_tag_hash == seal.tag_hash({}));
}

sip::TokenText dialog_token(const Snapshot& snapshot, const Request& request,
                            const Target& target) {
  if (is_in_dialog(request, snapshot.seal)) {
    sip::TokenText same;
    const bool has_one = request.routes.has_dialog_token();
    if (has_one && refreshes_target(request.message.method)) same.append(request.routes.token_text);
    return same;
  }
  if (!opens_dialog(request.message.method)) return {};
  if (!wants_record_route(snapshot, request, target)) return {};
  const sip::Token fields{.initiator = sender_end(snapshot, request),
                          .responder = target_end(snapshot, target),
                          .from_tag_hash = request.from_tag_hash,
                          .issue_day = request.tick.today};
  return snapshot.seal.seal_token(fields, request.message.call_id);
}

sip::TokenText path_token(const Snapshot& snapshot, const Request& request, const Target& target) {
  if (request.sender.is_server() || target.server == balance::kNoServer) return {};
  const bool is_in_need = request.source.is_stream() || is_behind_nat(request);
  if (!is_in_need && !supports_path(request.message)) return {};
  const sip::Token fields{.kind = sip::TokenKind::Path,
                          .initiator = client_end(snapshot, request.source),
                          .responder = target_end(snapshot, target),
                          .from_tag_hash = request.from_tag_hash,
                          .issue_day = request.tick.today};
  return snapshot.seal.seal_token(fields, request.message.call_id);
}

}  // namespace siplb::proxy
