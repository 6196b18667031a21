#include "app/trace_routes.h"

#include <algorithm>
#include <charconv>

#include "app/call_trace.h"

namespace siplb::app {
namespace {

struct Bound {
  size_t standard;
  size_t max;
};
constexpr Bound kSeconds{60, 3600};
constexpr Bound kCount{10'000, 1'000'000};
constexpr const char* kParameters[] = {"call_id", "user", "server", "seconds", "count"};

// Nothing where the text is no number within the bound.
std::optional<size_t> read_bounded(std::string_view text, const Bound& bound) {
  if (text.empty()) return bound.standard;
  size_t number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  const bool is_number = read.ec == std::errc{} && read.ptr == end;
  return is_number && number > 0 && number <= bound.max ? std::optional(number) : std::nullopt;
}

std::string no_number(const std::string& name, const Bound& bound) {
  return name + " is a number from 1 to " + std::to_string(bound.max);
}

// A misspelt filter would follow everything.
std::optional<std::string> find_unknown(const AdminRequest& request) {
  for (const auto& given : request.query) {
    const std::string& name = given.first;
    const bool is_known = std::any_of(std::begin(kParameters), std::end(kParameters),
                                      [&name](const char* known) { return name == known; });
    if (!is_known) return name;
  }
  return std::nullopt;
}

// What is asked of the control thread.
struct Answered {
  CallTrace::Names names;
  std::vector<balance::ServerIndex> servers;  // those that the wanted name means
};

// "pbx/s1"; empty of a place where nobody stands.
std::string full_name(const balance::Topology& topology, const balance::Server& server) {
  if (server.name.empty()) return {};
  return topology.groups()[server.group].options.name + '/' + server.name;
}

Answered look_up(const proxy::Snapshot& snapshot, std::string_view wanted) {
  Answered out;
  const auto servers = snapshot.topology.servers();
  for (size_t i = 0; i < servers.size(); ++i) {
    const std::string name = full_name(snapshot.topology, servers[i]);
    const bool is_place_of = name.starts_with(std::string(wanted) + '/');
    const bool is_wanted = name == wanted || is_place_of;
    if (!wanted.empty() && is_wanted) out.servers.push_back(static_cast<uint16_t>(i));
    out.names.servers.push_back(name);
  }
  for (size_t i = 0; i < snapshot.sides.size(); ++i) {
    out.names.listeners.push_back(snapshot.sides[static_cast<transport::ListenerIndex>(i)].name);
  }
  return out;
}

}  // namespace

AdminRoutes trace_routes(Control& control, std::vector<proxy::Tracer*> tracers) {
  const auto turn = std::make_shared<TraceTurn>();
  const auto begin = [&control, tracers = std::move(tracers),
                      turn](const AdminRequest& request) -> AdminAnswer {
    if (const auto unknown = find_unknown(request)) {
      return admin_error(400, "unknown parameter '" + *unknown + "'");
    }
    const auto seconds = read_bounded(request.parameter("seconds"), kSeconds);
    if (!seconds) return admin_error(400, no_number("seconds", kSeconds));
    const auto count = read_bounded(request.parameter("count"), kCount);
    if (!count) return admin_error(400, no_number("count", kCount));

    const std::string_view server = request.parameter("server");
    Answered known;
    const auto looked = control.look(
        [&](const Control::Present& present) { known = look_up(present.snapshot, server); });
    if (!looked) return admin_error(503, looked.error().text);
    if (!server.empty() && known.servers.empty()) {
      return admin_error(404, "no server " + std::string(server));
    }
    const auto number = turn->try_take();
    if (!number) return admin_error(429, "another trace is under way");
    CallTrace::Wanted wanted{.filter = {.number = *number,
                                        .call_id = std::string(request.parameter("call_id")),
                                        .user = std::string(request.parameter("user")),
                                        .servers = std::move(known.servers)},
                             .time_max = std::chrono::seconds(*seconds),
                             .count_max = *count};
    return {.type = "application/x-ndjson",
            .stream = std::make_shared<CallTrace>(tracers, std::move(wanted),
                                                  std::move(known.names), turn)};
  };
  return {{.path = "/v1/trace", .answer = begin}};
}

}  // namespace siplb::app
