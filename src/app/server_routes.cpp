#include "app/server_routes.h"

#include <chrono>

#include <nlohmann/json.hpp>

#include "app/time_text.h"

namespace siplb::app {
namespace {

using Json = nlohmann::ordered_json;

// What is not there, or has no limit, is null.
template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}
Json limit(uint32_t value) {
  return value == 0 ? Json() : Json(value);
}

Json transition_json(const health::Transition& transition) {
  return {{"at", time_text(transition.wall)},
          {"health", balance::name(transition.health)},
          {"state", balance::name(transition.operator_state)},
          {"reason", balance::name(transition.reason)}};
}

Json server_json(const ServerView& view) {
  Json out = {{"group", view.group},
              {"name", view.name},
              {"address", view.address.empty() ? Json() : Json(view.address)},
              {"transport", sip::transport_label(view.transport)},
              {"priority", view.priority},
              {"state", balance::name(view.state)},
              {"weight", view.weight},
              {"configured_weight", view.configured_weight},
              {"set_weight", or_null(view.set_weight)},
              {"health", balance::name(view.health)},
              {"reason", balance::name(view.reason)},
              {"health_seconds", view.health_age ? Json(seconds(*view.health_age)) : Json()},
              {"busy_seconds", seconds(view.busy_left)},
              {"panic", view.is_panicking},
              {"takes_new_work", takes_new_work(view)},
              {"obstacles", obstacles(view)},
              {"calls", view.calls},
              {"reserved_calls", view.reserved_calls},
              {"max_calls", limit(view.max_calls)},
              {"inflight", view.inflight},
              {"max_inflight", limit(view.max_inflight)},
              {"answer_seconds",
               view.answer_time > Duration::zero() ? Json(seconds(view.answer_time)) : Json()}};
  return out;
}

std::string json_text(const Json& json) {
  return json.dump() + '\n';
}

enum class Detail : uint8_t { Row, Transitions };

AdminAnswer answer_of(const Control::Views& views, Detail detail) {
  if (!views) return admin_error(views.error());
  Json servers = Json::array();
  for (const ServerView& view : *views) {
    Json& server = servers.emplace_back(server_json(view));
    if (detail == Detail::Row) continue;
    Json& transitions = server["transitions"] = Json::array();
    for (const auto& transition : view.transitions) {
      transitions.push_back(transition_json(transition));
    }
  }
  return {.status = 200, .body = json_text({{"servers", std::move(servers)}})};
}

// Reads one member of a change. Returns what is wrong with it; empty: nothing.
std::string read_member(const std::string& key, const Json& value, ServerChange& out) {
  if (key == "state") {
    const auto* word = value.get_ptr<const Json::string_t*>();
    out.state = word == nullptr ? std::nullopt : operator_state(*word);
    return out.state ? "" : "state is ready, drain or maint";
  }
  if (key == "weight") {
    const auto* number = value.get_ptr<const Json::number_unsigned_t*>();
    if (number == nullptr || *number > balance::kWeightMax) {
      return "weight is a number from 0 to " + std::to_string(balance::kWeightMax);
    }
    out.weight = static_cast<uint32_t>(*number);
    return "";
  }
  if (key == "force") {
    const auto* force = value.get_ptr<const Json::boolean_t*>();
    if (force == nullptr) return "force is true or false";
    out.force = *force ? Force::Yes : Force::No;
    return "";
  }
  return "unknown key '" + key + "'";
}

std::string read_change(std::string_view body, ServerChange& out) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return "the body is no JSON object";
  for (const auto& [key, value] : json.items()) {
    std::string fault = read_member(key, value, out);
    if (!fault.empty()) return fault;
  }
  return out.state || out.weight ? "" : "neither state nor weight is given";
}

AdminAnswer change(Control& control, const AdminRequest& request) {
  ServerChange wanted{.group = request.parts[0], .server = request.parts[1], .uid = request.uid};
  const std::string fault = read_change(request.body, wanted);
  if (!fault.empty()) return admin_error(400, fault);
  return answer_of(control.change(wanted), Detail::Row);
}

}  // namespace

AdminRoutes server_routes(Control& control) {
  using Method = AdminRoute::Method;
  using Access = AdminRoute::Access;
  const std::string all = "/v1/servers";
  // "s1/3" is a place of a name.
  const std::string one = all + R"(/([\w-]{1,32})/([\w-]{1,32}(?:/\d)?))";
  return {
      {.path = all,
       .answer =
           [&control](const AdminRequest&) { return answer_of(control.servers(), Detail::Row); }},
      {.path = one,
       .answer =
           [&control](const AdminRequest& request) {
             return answer_of(control.server(request.parts[0], request.parts[1]),
                              Detail::Transitions);
           }},
      {.method = Method::Post,
       .access = Access::Change,
       .path = one,
       .answer = [&control](const AdminRequest& request) { return change(control, request); }},
  };
}

}  // namespace siplb::app
