#include "app/view_routes.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>

#include <unistd.h>
#include <nlohmann/json.hpp>

#include "app/connection_view.h"
#include "app/group_view.h"
#include "app/time_text.h"
#include "app/traffic_view.h"

namespace siplb::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kEventsShown = 50;  // where nothing else is asked for

AdminAnswer answer_with(const Json& body) {
  return {.status = 200, .body = body.dump() + '\n'};
}

// ---- Groups and listeners

AdminAnswer show_groups(Control& control) {
  const Control::Views servers = control.servers();
  if (!servers) return admin_error(servers.error());
  std::vector<GroupView> views;
  const auto looked = control.look([&](const Control::Present& present) {
    views = group_views(present.snapshot.topology, *servers);
  });
  if (!looked) return admin_error(looked.error());
  Json groups = Json::array();
  for (const GroupView& view : views) {
    groups.push_back({{"name", view.name},
                      {"policy", name(view.policy)},
                      {"servers", view.servers},
                      {"up", view.up},
                      {"down", view.down},
                      {"taking_new_work", view.taking_new_work},
                      {"calls", view.calls},
                      {"reserved_calls", view.reserved_calls},
                      {"inflight", view.inflight},
                      {"panic", view.is_panicking}});
  }
  return answer_with({{"groups", std::move(groups)}});
}

Json listener_json(const proxy::Side& side, const SocketSums& sockets) {
  Json transports = Json::array();
  for (const auto transport : side.transports) {
    transports.push_back(sip::transport_label(transport));
  }
  Json names = Json::array();
  for (const proxy::OwnName& each : side.names) names.push_back(each.sent_by);
  return {{"name", side.name},
          {"role", name(side.role)},
          {"address", side.bound.text()},
          {"transports", std::move(transports)},
          {"advertised", std::move(names)},
          {"kernel_drops", sockets.kernel_drops},
          {"kernel_queue_bytes", sockets.kernel_queue_bytes},
          {"receive_buffer_bytes", sockets.receive_buffer_bytes}};
}

AdminAnswer show_listeners(const AdminParts& parts) {
  Json listeners = Json::array();
  const auto looked = parts.control.look([&](const Control::Present& present) {
    const proxy::Snapshot& snapshot = present.snapshot;
    for (size_t i = 0; i < snapshot.sides.size(); ++i) {
      const auto index = static_cast<transport::ListenerIndex>(i);
      const proxy::Side& side = snapshot.sides[index];
      if (side.name.empty()) continue;
      listeners.push_back(listener_json(side, socket_sums(parts.workers, index)));
    }
  });
  if (!looked) return admin_error(looked.error());
  return answer_with({{"listeners", std::move(listeners)}});
}

// ---- Workers and traffic

Json messages_json(const MessageSums& sums) {
  return {{"received", sums.received},
          {"forwarded", sums.forwarded},
          {"answered", sums.answered},
          {"unavailable", sums.unavailable},
          {"dropped", sums.dropped}};
}

Json pool_json(const PoolUse& use) {
  return {{"used", use.used}, {"total", use.total}};
}

AdminAnswer show_workers(Workers workers) {
  Json out = Json::array();
  for (size_t i = 0; i < workers.size(); ++i) {
    const WorkerView view = worker_view(*workers[i]);
    out.push_back(
        {{"worker", i},
         {"lanes", view.lanes},
         {"messages", messages_json(view.messages)},
         {"transactions", view.transactions},
         {"connections", view.connections},
         {"send_slots", pool_json(view.send_slots)},
         {"held_slots", pool_json(view.held_slots)},
         {"tick_seconds", {{"p50", seconds(view.tick_median)}, {"p99", seconds(view.tick_p99)}}}});
  }
  return answer_with({{"workers", std::move(out)}});
}

Json ticks_json(const TickSums& sums) {
  Json out = Json::array();
  for (size_t i = 0; i < sums.size(); ++i) {
    const bool is_last = i == kTickBounds.size();
    out.push_back({{"at_most_seconds", is_last ? Json() : Json(seconds(kTickBounds[i]))},
                   {"count", sums[i]}});
  }
  return out;
}

// Counters since the start: who asks twice knows rates.
AdminAnswer show_traffic(const AdminParts& parts) {
  Json servers = Json::array();
  const auto looked = parts.control.look([&](const Control::Present& present) {
    const proxy::Snapshot& snapshot = present.snapshot;
    const auto all = snapshot.topology.servers();
    for (size_t i = 0; i < all.size(); ++i) {
      const std::string& group = snapshot.topology.groups()[all[i].group].options.name;
      if (group.empty() || all[i].name.empty()) continue;
      const ServerSums sums = server_sums(parts.workers, static_cast<balance::ServerIndex>(i));
      servers.push_back({{"group", group},
                         {"name", all[i].name},
                         {"requests", sums.requests},
                         {"responses", sums.responses}});
    }
  });
  if (!looked) return admin_error(looked.error());
  return answer_with({{"up_seconds", seconds(Clock::now() - parts.started_at)},
                      {"messages", messages_json(message_sums(parts.workers))},
                      {"ticks", ticks_json(tick_sums(parts.workers))},
                      {"servers", std::move(servers)}});
}

// ---- Connections

Json counts_json(const ConnectionCounts& counts) {
  using transport::Direction;
  return {{"accepted", counts[static_cast<size_t>(Direction::Accepted)]},
          {"opened", counts[static_cast<size_t>(Direction::Opened)]}};
}

Json source_json(const SourceView& view) {
  return {{"source", source_text(view.source)}, {"connections", view.connections}};
}

AdminAnswer show_connections(const AdminParts& parts) {
  const ConnectionsView view = connections_view(parts.census, parts.workers.size());
  const transport::ConnectionCensusOptions& limits = parts.census.options();
  Json listeners = Json::array();
  const auto looked = parts.control.look([&](const Control::Present& present) {
    const proxy::Snapshot& snapshot = present.snapshot;
    for (size_t i = 0; i < snapshot.sides.size(); ++i) {
      const proxy::Side& side = snapshot.sides[static_cast<transport::ListenerIndex>(i)];
      const bool has_streams =
          std::any_of(side.transports.begin(), side.transports.end(),
                      [](auto transport) { return transport != sip::Transport::Udp; });
      if (side.name.empty() || !has_streams) continue;
      Json& listener = listeners.emplace_back(Json{{"listener", side.name}});
      listener.update(counts_json(view.by_listener[i]));
    }
  });
  if (!looked) return admin_error(looked.error());
  Json workers = Json::array();
  for (size_t i = 0; i < view.by_worker.size(); ++i) {
    workers.emplace_back(Json{{"worker", i}}).update(counts_json(view.by_worker[i]));
  }
  Json busiest = Json::array();
  for (const SourceView& each : view.busiest) busiest.push_back(source_json(each));
  Json tcp{{"transport", sip::transport_label(sip::Transport::Tcp)}};
  tcp.update(counts_json(view.all));
  return answer_with({{"accepted_max", limits.connections_max},
                      {"per_source_max", limits.connections_per_source},
                      {"by_transport", {std::move(tcp)}},
                      {"by_listener", std::move(listeners)},
                      {"by_worker", std::move(workers)},
                      {"busiest", std::move(busiest)}});
}

AdminAnswer show_bans(const transport::ConnectionCensus& census) {
  Json bans = Json::array();
  for (const SourceView& each : sources_at_limit(census)) {
    bans.push_back({{"source", source_text(each.source)},
                    {"reason", "connections_per_source"},
                    {"count", each.connections},
                    {"limit", census.options().connections_per_source}});
  }
  return answer_with({{"bans", std::move(bans)}});
}

// ---- Memory

// What the kernel has given us of it; nothing where it does not say.
std::optional<uint64_t> resident_bytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  if (!(file >> total >> resident)) return std::nullopt;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

AdminAnswer show_memory(const MemoryBudget& budget) {
  Json consumers = Json::array();
  for (const Consumer& each : budget.consumers()) {
    consumers.push_back(
        {{"consumer", each.name}, {"bytes", each.octets}, {"derivation", each.derivation}});
  }
  const auto resident = resident_bytes();
  return answer_with({{"consumers", std::move(consumers)},
                      {"sum_bytes", budget.sum()},
                      {"limit_bytes", budget.ceiling()},
                      {"resident_bytes", resident ? Json(*resident) : Json()}});
}

// ---- Events

// A number in decimal; nothing where `text` is none.
std::optional<uint64_t> number_of(std::string_view text) {
  uint64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = fault == std::errc{} && end == text.data() + text.size();
  return is_number ? std::optional(number) : std::nullopt;
}

// The lines are JSON already.
AdminAnswer events_answer(const observe::EventMemory::Part& part) {
  std::string body = "{\"events\":[";
  for (const std::string& line : part.lines) {
    if (body.back() != '[') body += ',';
    body += line;
  }
  body += "],\"next\":" + std::to_string(part.next()) + "}\n";
  return {.status = 200, .body = std::move(body)};
}

AdminAnswer show_events(const observe::EventMemory& memory, const AdminRequest& request) {
  const std::string_view since = request.parameter("since");
  const std::string_view last = request.parameter("last");
  if (since.empty() && last.empty()) return events_answer(memory.last(kEventsShown));
  const auto number = number_of(since.empty() ? last : since);
  if (!number) return admin_error(400, "since and last are numbers");
  return events_answer(since.empty() ? memory.last(*number) : memory.since(*number));
}

}  // namespace

AdminRoutes view_routes(const AdminParts& parts) {
  using Request = const AdminRequest&;
  return {
      {.path = "/v1/groups", .answer = [parts](Request) { return show_groups(parts.control); }},
      {.path = "/v1/listeners", .answer = [parts](Request) { return show_listeners(parts); }},
      {.path = "/v1/workers", .answer = [parts](Request) { return show_workers(parts.workers); }},
      {.path = "/v1/connections", .answer = [parts](Request) { return show_connections(parts); }},
      {.path = "/v1/bans", .answer = [parts](Request) { return show_bans(parts.census); }},
      {.path = "/v1/memory", .answer = [parts](Request) { return show_memory(parts.budget); }},
      {.path = "/v1/traffic", .answer = [parts](Request) { return show_traffic(parts); }},
      {.path = "/v1/events",
       .answer = [parts](Request request) { return show_events(parts.log.memory(), request); }},
      {.path = "/v1/metrics",
       .answer =
           [parts](Request) {
             return AdminAnswer{.body = parts.scrape(), .type = "text/plain; version=0.0.4"};
           }},
  };
}

}  // namespace siplb::app
