#include "app/route_test_routes.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "app/group_view.h"
#include "proxy/route_test.h"
#include "proxy/trace_message.h"

namespace siplb::app {
namespace {

using Json = nlohmann::ordered_json;
using proxy::RouteTestReport;

Json label_or_null(std::string_view text) {
  return text.empty() ? Json() : Json(text);
}

// "pbx/s1"; null where it is nobody's.
Json server_name(const balance::Topology& topology, balance::ServerIndex index) {
  if (index == balance::kNoServer) return {};
  const balance::Server& server = topology.servers()[index];
  return topology.groups()[server.group].options.name + '/' + server.name;
}

// ---- Where the message has come to

// What is wrong with what was said of it; empty: nothing.
std::string read_transport(std::string_view text, transport::Flow& out) {
  if (text == "tcp") {
    out.transport = sip::Transport::Tcp;
    // By a connection that a client has opened: whatever its number, nobody looks it up.
    out.connection = transport::ConnectionId({.generation = 1});
  }
  return text.empty() || text == "udp" || text == "tcp" ? "" : "transport is udp or tcp";
}

std::string read_listener(std::string_view name, const proxy::Sides& sides, transport::Flow& out) {
  for (size_t i = 0; i < sides.size(); ++i) {
    const auto index = static_cast<transport::ListenerIndex>(i);
    const auto& has = sides[index].transports;
    const bool has_transport = std::find(has.begin(), has.end(), out.transport) != has.end();
    if (sides[index].name.empty() || (!name.empty() && sides[index].name != name)) continue;
    if (!has_transport && name.empty()) continue;
    out.listener = index;
    if (has_transport) return "";
    return "listener " + sides[index].name + " has no " +
           std::string(sip::transport_label(out.transport));
  }
  return name.empty() ? "no listener has that transport" : "no listener " + std::string(name);
}

// An address of the documentation's (RFC 5737, RFC 3849) where nothing is said: nobody's.
std::string read_source(std::string_view text, const proxy::Side& side, transport::Flow& out) {
  const bool is_v6 = side.bound.is_v6();
  if (text.empty()) text = is_v6 ? "[2001:db8::1]:5060" : "192.0.2.1:5060";
  auto address = SockAddress::parse(text);
  if (!address) address = SockAddress::parse_ip(text, 5060);
  if (!address) return "source is an address, with or without a port";
  if (address->family() != side.bound.family()) {
    return "listener " + side.name + " has addresses of the other family";
  }
  out.remote = *address;
  return "";
}

std::string read_local(std::string_view text, const proxy::Side& side, transport::Flow& out) {
  if (text.empty()) return "";
  const auto address = SockAddress::parse_ip(text, 0);
  if (!address) return "local is an address without a port";
  if (!side.bound.is_wildcard()) return "";  // it has one address, and everybody knows it
  out.local = *address;
  return "";
}

std::string read_flow(const AdminRequest& request, const proxy::Sides& sides,
                      transport::Flow& out) {
  std::string fault = read_transport(request.parameter("transport"), out);
  if (fault.empty()) fault = read_listener(request.parameter("listener"), sides, out);
  if (!fault.empty()) return fault;
  const proxy::Side& side = sides[out.listener];
  fault = read_source(request.parameter("source"), side, out);
  return fault.empty() ? read_local(request.parameter("local"), side, out) : fault;
}

// ---- What the lane says of it

Json received_json(const proxy::RouteTestInput& input, const RouteTestReport& report) {
  const proxy::Side& side = input.snapshot.sides[input.source.listener];
  return {{"message", label_or_null(proxy::read_trace_message(input.octets).title())},
          {"listener", side.name},
          {"role", transport::name(side.role)},
          {"transport", sip::transport_label(input.source.transport)},
          {"source", input.source.remote.text().view()},
          {"fault",
           report.scan == sip::ScanStatus::Ok ? Json() : Json(sip::scan_status_name(report.scan))}};
}

Json sender_json(const balance::Topology& topology, const RouteTestReport& report) {
  if (!report.sender) return {};
  return report.sender->is_server() ? server_name(topology, report.sender->server) : Json("client");
}

Json guide_json(RouteTestReport::Guide guide) {
  using Guide = RouteTestReport::Guide;
  switch (guide) {
    case Guide::None: break;
    case Guide::DialogToken: return "dialog token";
    case Guide::PathToken: return "path token";
    case Guide::Route: return "route";
  }
  return {};
}

Json routes_json(const proxy::Routing& routing, const RouteTestReport& report) {
  Json out = Json::array();
  for (const auto& tried : report.routes) {
    out.push_back({{"name", routing.routes[tried.route].name},
                   {"obstacle", tried.obstacle ? Json(proxy::name(*tried.obstacle)) : Json()}});
  }
  return out;
}

const char* action_label(proxy::RouteAction action) {
  switch (action) {
    case proxy::RouteAction::Group: return "group";
    case proxy::RouteAction::Drop: return "drop";
    case proxy::RouteAction::Reject: return "reject";
    case proxy::RouteAction::ForwardByUri: break;
  }
  return "request-uri";
}

Json route_json(const proxy::Routing& routing, const RouteTestReport& report) {
  if (!report.taken_route) return {};
  const proxy::RouteOptions& route = routing.routes[*report.taken_route];
  return {{"name", route.name},
          {"action", action_label(route.action)},
          {"rate", route.rate == 0 ? Json() : Json(route.rate)},
          {"stateless", route.is_stateless}};
}

Json key_json(const RouteTestReport& report) {
  if (!report.key) return {};
  char hash[20];
  std::snprintf(hash, sizeof hash, "%016" PRIx64, report.key->hash);
  return {{"kind", balance::name(report.key->kind)}, {"text", report.key->text}, {"hash", hash}};
}

Json choice_json(const balance::Topology& topology, const RouteTestReport& report) {
  if (!report.group) return {};
  Json servers = Json::array();
  for (const auto& member : report.members) {
    const balance::Server& server = topology.servers()[member.server];
    if (server.is_empty()) continue;  // a name's place where nobody stands
    servers.push_back({{"name", server.name},
                       {"priority", server.priority},
                       {"weight", server.weight},
                       {"obstacle", label_or_null(balance::name(member.obstacle))}});
  }
  const balance::GroupOptions& group = topology.groups()[*report.group].options;
  return {{"group", group.name},
          {"policy", name(group.policy)},
          {"key", key_json(report)},
          {"servers", std::move(servers)}};
}

size_t count_headers(std::string_view octets, std::string_view name) {
  size_t count = 0;
  for (size_t at = octets.find(name); at != std::string_view::npos;
       at = octets.find(name, at + 1)) {
    ++count;
  }
  return count;
}

// Tokens and seals stay here: with them anybody could say that siplb has written them.
Json sent_json(const proxy::RouteTestInput& input, const RouteTestReport& report) {
  Json out = Json::array();
  const auto adds = [&](const RouteTestReport::Sent& sent, std::string_view name) {
    return count_headers(sent.text, name) > count_headers(input.octets, name);
  };
  for (const auto& sent : report.sent) {
    out.push_back({{"message", proxy::read_trace_message(sent.text).title().view()},
                   {"remote", sent.to.remote.text().view()},
                   {"transport", sip::transport_label(sent.to.transport)},
                   {"listener", input.snapshot.sides[sent.to.listener].name},
                   {"server", server_name(input.snapshot.topology, sent.server)},
                   {"record_route", adds(sent, "\r\nRecord-Route:")},
                   {"path", adds(sent, "\r\nPath:")}});
  }
  return out;
}

Json report_json(const proxy::RouteTestInput& input, const RouteTestReport& report) {
  const proxy::Snapshot& snapshot = input.snapshot;
  return {{"received", received_json(input, report)},
          {"sender", sender_json(snapshot.topology, report)},
          {"removed_headers", report.removed_headers},
          {"in_dialog", report.is_in_dialog},
          {"guide", guide_json(report.guide)},
          {"draining", snapshot.admission == proxy::Admission::DialogsOnly},
          {"routes", routes_json(*snapshot.routing, report)},
          {"route", route_json(*snapshot.routing, report)},
          {"choice", choice_json(snapshot.topology, report)},
          {"decision", report.outcome.decision()},
          {"reason", label_or_null(report.outcome.reason())},
          {"sent", sent_json(input, report)}};
}

AdminAnswer test_message(const Control::Present& present, const AdminRequest& request) {
  transport::Flow source;
  const std::string fault = read_flow(request, present.snapshot.sides, source);
  if (!fault.empty()) return admin_error(400, fault);
  const proxy::RouteTestInput input{.snapshot = present.snapshot,
                                    .status = present.status,
                                    .load = present.load,
                                    .calls = present.calls,
                                    .source = source,
                                    .tick = proxy::tick_at(Clock::now()),
                                    .octets = request.body};
  const auto report = proxy::test_route(input);
  if (!report) return admin_error(500, "there is no memory to test it");
  return {.body = report_json(input, *report).dump(-1, ' ', false, Json::error_handler_t::replace) +
                  '\n'};
}

}  // namespace

AdminRoutes route_test_routes(Control& control) {
  const auto answer = [&control](const AdminRequest& request) {
    AdminAnswer out;
    const auto looked = control.look(
        [&](const Control::Present& present) { out = test_message(present, request); });
    return looked ? out : admin_error(503, looked.error().text);
  };
  return {{.method = AdminRoute::Method::Post, .path = "/v1/route-test", .answer = answer}};
}

}  // namespace siplb::app
