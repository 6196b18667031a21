#include "app/node_routes.h"

#include <chrono>
#include <optional>
#include <sstream>

#include <sys/stat.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

namespace siplb::app {
namespace {

using Json = nlohmann::ordered_json;

AdminAnswer answer_of(const Json& body) {
  // Paths and what a file says may be no UTF-8.
  return {.body = body.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n'};
}

// Since the file was written; nothing where it is gone.
std::optional<double> age_seconds(const std::string& path) {
  struct stat found {};
  if (stat(path.c_str(), &found) != 0) return std::nullopt;
  const auto written = std::chrono::system_clock::from_time_t(found.st_mtime);
  return std::chrono::duration<double>(std::chrono::system_clock::now() - written).count();
}

AdminAnswer show_key(const AdminParts& parts) {
  std::string fingerprint;
  const auto looked = parts.control.look([&](const Control::Present& present) {
    const proxy::Snapshot& snapshot = present.snapshot;
    fingerprint = std::string(snapshot.seal.fingerprint());
  });
  if (!looked) return admin_error(looked.error());
  const auto age = age_seconds(parts.key_file);
  return answer_of({{"fingerprint", fingerprint},
                    {"file", parts.key_file},
                    {"age_seconds", age ? Json(*age) : Json()}});
}

Json drain_json(const Control::NodeState& state) {
  return {{"draining", state.admission == proxy::Admission::DialogsOnly}, {"calls", state.calls}};
}

AdminAnswer show_drain(Control& control) {
  const auto state = control.node_state();
  return state ? answer_of(drain_json(*state)) : admin_error(state.error());
}

AdminAnswer change_drain(Control& control, const AdminRequest& request) {
  const Json body = Json::parse(request.body, nullptr, false);
  const Json wanted = body.is_object() && body.size() == 1 ? body.value("drain", Json()) : Json();
  if (!wanted.is_boolean()) return admin_error(400, R"(the body is {"drain": true} or false)");
  const auto admission =
      wanted.get<bool>() ? proxy::Admission::DialogsOnly : proxy::Admission::Everything;
  const auto state = control.admit({.admission = admission, .uid = request.uid});
  return state ? answer_of(drain_json(*state)) : admin_error(state.error());
}

// {"changes": ["..."]}: a line of the text each.
Json changes_json(const std::string& text) {
  Json changes = Json::array();
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) changes.push_back(line);
  return {{"changes", std::move(changes)}};
}

AdminAnswer reload(Control& control, const AdminRequest& request) {
  using State = ReloadOptions::State;
  const Json body = Json::parse(request.body, nullptr, false);
  const bool is_reset = body == Json{{"state", "reset"}};
  // What is no JSON at all is neither equal to anything nor unequal.
  if (!body.is_object() || (!is_reset && !body.empty())) {
    return admin_error(400, R"(the body is {} or {"state": "reset"})");
  }
  const std::string origin = "uid " + std::to_string(request.uid);
  const auto changes =
      control.reload({.state = is_reset ? State::Reset : State::Keep, .origin = origin});
  return changes ? answer_of(changes_json(*changes)) : admin_error(changes.error());
}

AdminAnswer show_status(const AdminParts& parts) {
  const auto state = parts.control.node_state();
  if (!state) return admin_error(state.error());
  std::string hash;
  const auto looked = parts.control.look(
      [&](const Control::Present& present) { hash = present.snapshot.config_hash; });
  if (!looked) return admin_error(looked.error());
  const double up = std::chrono::duration<double>(Clock::now() - parts.started_at).count();
  Json out = {{"version", SIPLB_VERSION}, {"pid", getpid()},
              {"up_seconds", up},         {"config_file", parts.config_file},
              {"config_hash", hash},      {"workers", parts.workers.size()},
              {"lanes", parts.lanes}};
  out.update(drain_json(*state));
  return answer_of(out);
}

}  // namespace

AdminRoutes node_routes(const AdminParts& parts) {
  using Method = AdminRoute::Method;
  using Access = AdminRoute::Access;
  using Request = const AdminRequest&;
  return {
      {.path = "/v1/status", .answer = [parts](Request) { return show_status(parts); }},
      {.path = "/v1/key", .answer = [parts](Request) { return show_key(parts); }},
      {.path = "/v1/drain", .answer = [parts](Request) { return show_drain(parts.control); }},
      {.method = Method::Post,
       .access = Access::Change,
       .path = "/v1/drain",
       .answer = [parts](Request request) { return change_drain(parts.control, request); }},
      {.method = Method::Post,
       .access = Access::Change,
       .path = "/v1/reload",
       .answer = [parts](Request request) { return reload(parts.control, request); }},
  };
}

}  // namespace siplb::app
