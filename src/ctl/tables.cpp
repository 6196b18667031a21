#include "ctl/tables.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

#include <nlohmann/json.hpp>

#include "ctl/text_table.h"

namespace siplb::ctl {
namespace {

using Json = nlohmann::ordered_json;

std::string text(const Json& server, const char* key) {
  const Json& value = server.at(key);
  return value.is_null() ? "" : value.get<std::string>();
}

uint64_t number(const Json& server, const char* key) {
  const Json& value = server.at(key);
  return value.is_null() ? 0 : value.get<uint64_t>();
}

bool is_null(const Json& server, const char* key) {
  return server.at(key).is_null();
}

std::string full_name(const Json& server) {
  return text(server, "group") + '/' + text(server, "name");
}

std::string health_age(const Json& server) {
  return is_null(server, "health_seconds") ? ""
                                           : age_text(server.at("health_seconds").get<double>());
}

bool is_busy(const Json& server) {
  return server.at("busy_seconds").get<double>() > 0;
}

// What is worth a look: nothing where probes are answered.
std::string reason(const Json& server) {
  if (is_busy(server)) return "busy";
  return text(server, "reason") == "answered" ? "" : text(server, "reason");
}

uint64_t all_calls(const Json& server) {
  return number(server, "calls") + number(server, "reserved_calls");
}

// "12 calls remain"
std::string remaining_calls(const Json& server) {
  const uint64_t calls = all_calls(server);
  return plural_text(calls, "call") + (calls == 1 ? " remains" : " remain");
}

std::string state_text(const Json& server) {
  const std::string state = text(server, "state");
  const bool gets_none = state != "ready" || number(server, "weight") == 0;
  return gets_none ? state + ", " + remaining_calls(server) : state;
}

std::string weight_text(const Json& server) {
  const std::string weight = std::to_string(number(server, "weight"));
  if (is_null(server, "set_weight")) return weight;
  return weight + " (set at run time; " + std::to_string(number(server, "configured_weight")) +
         " in the configuration)";
}

std::string of_max(uint64_t count, const Json& max) {
  return max.is_null() ? std::to_string(count) : of_max_text(count, max.get<uint64_t>());
}

// ---- Rows

// A place that no address stands at is worth a row only where the whole name leads nowhere.
bool is_shown(const Json& servers, const Json& server) {
  if (!is_null(server, "address")) return true;
  const std::string name = full_name(server);
  const std::string places = name.substr(0, name.rfind('/') + 1);
  const bool is_first = name == places + '1';
  return is_first && std::all_of(servers.begin(), servers.end(), [&](const Json& other) {
           return is_null(other, "address") || !full_name(other).starts_with(places);
         });
}

Row row_of(const Json& server) {
  const bool is_set = !is_null(server, "set_weight");
  const bool is_nowhere = is_null(server, "address");
  return {full_name(server),
          text(server, "state"),
          text(server, "health"),
          std::to_string(number(server, "weight")) + (is_set ? "*" : ""),
          std::to_string(all_calls(server)),
          std::to_string(number(server, "inflight")),
          health_age(server),
          is_nowhere ? "no address" : reason(server)};
}

std::string panic_text(const std::set<std::string>& groups) {
  std::string out;
  for (const std::string& group : groups) {
    out += group + ": too few servers are up, health is ignored.\n";
  }
  return out;
}

// ---- Sheets

std::string heading(const Json& server) {
  std::string out = full_name(server);
  if (is_null(server, "address")) return out + " (no address)\n";
  out += " at " + text(server, "address") + " over " + text(server, "transport");
  return out + ", priority " + std::to_string(number(server, "priority")) + '\n';
}

std::string health_text(const Json& server) {
  std::string out = text(server, "health");
  if (!is_null(server, "health_seconds")) out += " for " + health_age(server);
  out += " (" + text(server, "reason") + ')';
  return server.at("panic").get<bool>() ? out + ", but health is ignored: too few are up" : out;
}

std::string calls_text(const Json& server) {
  std::string out = of_max(all_calls(server), server.at("max_calls"));
  const uint64_t reserved = number(server, "reserved_calls");
  return reserved == 0 ? out : out + ", " + std::to_string(reserved) + " being set up";
}

std::string answer_text(const Json& server) {
  if (is_null(server, "answer_seconds")) return "not known";
  return "after " + milliseconds_text(server.at("answer_seconds").get<double>());
}

// "  It is down ..." for each.
std::string obstacle_lines(const Json& server) {
  std::string out;
  for (const Json& obstacle : server.at("obstacles")) {
    out += "  " + obstacle.get<std::string>() + '\n';
  }
  return out;
}

std::string transition_table(const Json& server) {
  std::vector<Row> rows;
  for (const Json& each : server.at("transitions")) {
    rows.push_back(
        {"  " + text(each, "at"), text(each, "health"), text(each, "state"), text(each, "reason")});
  }
  if (rows.empty()) return "";
  return '\n' + table_text({{"  CHANGED"}, {"HEALTH"}, {"STATE"}, {"REASON"}}, rows);
}

std::string sheet_of(const Json& server) {
  std::string out = heading(server);
  out += sheet_line("state", state_text(server));
  out += sheet_line("health", health_text(server));
  out += sheet_line("weight", weight_text(server));
  out += sheet_line("calls", calls_text(server));
  out += sheet_line("inflight", of_max(number(server, "inflight"), server.at("max_inflight")));
  out += sheet_line("answers", answer_text(server));
  const bool takes = server.at("takes_new_work").get<bool>();
  out += sheet_line("new work", takes ? "yes" : "none");
  const std::string why = obstacle_lines(server);
  return out + (why.empty() ? "" : '\n' + why) + transition_table(server);
}

std::string why_down(const Json& server) {
  const std::string name = full_name(server);
  const std::string why = obstacle_lines(server);
  if (!why.empty()) return name + " gets no new work:\n" + why;
  if (server.at("panic").get<bool>()) {
    return name + " gets new work, since too few servers of its group are up.\n";
  }
  return name + " gets new work.\n";
}

std::vector<Json> shown_servers(const std::string& body) {
  const Json servers = Json::parse(body).at("servers");
  std::vector<Json> out;
  for (const Json& server : servers) {
    if (servers.size() == 1 || is_shown(servers, server)) out.push_back(server);
  }
  return out;
}

}  // namespace

std::string servers_table(const std::string& body) {
  std::vector<Row> rows;
  std::set<std::string> panicking;
  bool has_set_weights = false;
  for (const Json& server : shown_servers(body)) {
    rows.push_back(row_of(server));
    has_set_weights = has_set_weights || !is_null(server, "set_weight");
    if (server.at("panic").get<bool>()) panicking.insert(text(server, "group"));
  }
  if (rows.empty()) return "No servers.\n";
  std::string out = table_text({{"SERVER"},
                                {"STATE"},
                                {"HEALTH"},
                                {"WEIGHT", Align::Right},
                                {"CALLS", Align::Right},
                                {"INFLIGHT", Align::Right},
                                {"SINCE", Align::Right},
                                {"REASON"}},
                               rows);
  if (has_set_weights) out += "* set at run time\n";
  return out + panic_text(panicking);
}

std::string server_sheet(const std::string& body) {
  std::string out;
  for (const Json& server : shown_servers(body)) {
    if (!out.empty()) out += '\n';
    out += sheet_of(server);
  }
  return out;
}

std::string why_down_text(const std::string& body) {
  std::string out;
  for (const Json& server : shown_servers(body)) out += why_down(server);
  return out;
}

std::string change_line(const std::string& body) {
  std::string out;
  for (const Json& server : shown_servers(body)) {
    out += full_name(server) + ": " + state_text(server) + ", weight " + weight_text(server) + '\n';
  }
  return out;
}

std::string error_text(const std::string& body) {
  return Json::parse(body).at("error").get<std::string>();
}

}  // namespace siplb::ctl
