#include "ctl/view_tables.h"

#include <vector>

#include <nlohmann/json.hpp>

#include "ctl/text_table.h"

namespace siplb::ctl {
namespace {

using Json = nlohmann::ordered_json;  // an event's fields keep their order

Column right(const char* title) {
  return {.title = title, .align = Align::Right};
}

// By value: what a temporary holds is gone before a loop over it begins.
Json list_in(const std::string& body, const char* key) {
  return Json::parse(body).at(key);
}

std::string word(const Json& object, const char* key) {
  return object.at(key).get<std::string>();
}

uint64_t count(const Json& object, const char* key) {
  return object.at(key).get<uint64_t>();
}

std::string count_cell(const Json& object, const char* key) {
  return count_text(count(object, key));
}

// "udp,tcp"
std::string joined(const Json& words) {
  std::string out;
  for (const Json& each : words) out += (out.empty() ? "" : ",") + each.get<std::string>();
  return out;
}

// "203.0.113.10:5060", or "10.0.0.5:5060 +1" where there are more; nothing where it is the address.
std::string names_cell(const Json& listener) {
  const Json& names = listener.at("advertised");
  if (names.empty() || (names.size() == 1 && names[0] == listener.at("address"))) return "";
  const std::string more = names.size() > 1 ? " +" + std::to_string(names.size() - 1) : "";
  return names[0].get<std::string>() + more;
}

// "3%"
std::string share_cell(const Json& pool) {
  const uint64_t total = count(pool, "total");
  return total == 0 ? "-" : std::to_string(100 * count(pool, "used") / total) + '%';
}

// A table of what is counted by direction, with a name in front.
std::string by_direction(const Column& what, const char* key, const Json& counts) {
  std::vector<Row> rows;
  for (const Json& each : counts) {
    const Json& name = each.at(key);
    rows.push_back({name.is_string() ? name.get<std::string>() : name.dump(),
                    count_cell(each, "accepted"), count_cell(each, "opened")});
  }
  return table_text({what, right("ACCEPTED"), right("OPENED")}, rows);
}

// Values that would break the line apart are quoted.
std::string field_text(const std::string& value) {
  const bool is_plain = !value.empty() && value.find_first_of(" \"\\\t\r\n=") == std::string::npos;
  return is_plain ? value : Json(value).dump();
}

// "2026-11-21 16:00:00.250  warning  server down group=pbx server=s1"
std::string event_line(const Json& event) {
  std::string time = word(event, "time");
  if (time.size() == sizeof "2026-11-21T16:00:00.250Z" - 1) {
    time[10] = ' ';
    time.pop_back();
  }
  std::string level = word(event, "level");
  level.resize(sizeof "warning" - 1, ' ');
  std::string line = time + "  " + level + "  " + word(event, "event");
  for (const auto& [name, value] : event.items()) {
    if (name == "time" || name == "level" || name == "event") continue;
    line +=
        ' ' + name + '=' + field_text(value.is_string() ? value.get<std::string>() : value.dump());
  }
  return line + '\n';
}

}  // namespace

std::string groups_table(const std::string& body) {
  std::vector<Row> rows;
  for (const Json& group : list_in(body, "groups")) {
    const uint64_t calls = count(group, "calls") + count(group, "reserved_calls");
    rows.push_back({word(group, "name"), word(group, "policy"), count_cell(group, "servers"),
                    count_cell(group, "up"), count_cell(group, "down"),
                    count_cell(group, "taking_new_work"), count_text(calls),
                    count_cell(group, "inflight"), group.at("panic").get<bool>() ? "panic" : ""});
  }
  if (rows.empty()) return "No groups.\n";
  return table_text({{"GROUP"},
                     {"POLICY"},
                     right("SERVERS"),
                     right("UP"),
                     right("DOWN"),
                     right("IN USE"),
                     right("CALLS"),
                     right("INFLIGHT"),
                     {"NOTE"}},
                    rows);
}

std::string listeners_table(const std::string& body) {
  std::vector<Row> rows;
  for (const Json& listener : list_in(body, "listeners")) {
    rows.push_back({word(listener, "name"), word(listener, "address"),
                    joined(listener.at("transports")), word(listener, "role"),
                    size_text(count(listener, "kernel_queue_bytes")),
                    count_cell(listener, "kernel_drops"), names_cell(listener)});
  }
  if (rows.empty()) return "No listeners.\n";
  return table_text(
      {{"LISTENER"}, {"ADDRESS"}, {"OVER"}, {"ROLE"}, right("QUEUE"), right("DROPS"), {"KNOWN AS"}},
      rows);
}

std::string workers_table(const std::string& body) {
  std::vector<Row> rows;
  for (const Json& worker : list_in(body, "workers")) {
    const Json& messages = worker.at("messages");
    const Json& ticks = worker.at("tick_seconds");
    rows.push_back({worker.at("worker").dump(), count_text(worker.at("lanes").size()),
                    count_cell(messages, "received"), count_cell(messages, "forwarded"),
                    count_cell(messages, "dropped"), count_cell(worker, "transactions"),
                    count_cell(worker, "connections"),
                    milliseconds_text(ticks.at("p50").get<double>()),
                    milliseconds_text(ticks.at("p99").get<double>()),
                    share_cell(worker.at("send_slots")), share_cell(worker.at("held_slots"))});
  }
  const std::string table = table_text(
      {right("WORKER"), right("LANES"), right("IN"), right("OUT"), right("DROP"), right("REQS"),
       right("CONNS"), right("P50"), right("P99"), right("SEND"), right("HELD")},
      rows);
  return table +
         "IN, OUT, DROP: messages since the start. REQS: requests under way.\n"
         "P50, P99: how long a tick takes. SEND, HELD: slots in use.\n";
}

std::string connections_table(const std::string& body) {
  const Json view = Json::parse(body);
  if (view.at("by_listener").empty()) return "No listener takes connections.\n";
  std::string out;
  for (const Json& each : view.at("by_transport")) {
    out += word(each, "transport") + ": " +
           of_max_text(count(each, "accepted"), count(view, "accepted_max")) + " accepted, " +
           std::to_string(count(each, "opened")) + " opened\n";
  }
  out += '\n' + by_direction({"LISTENER"}, "listener", view.at("by_listener"));
  out += '\n' + by_direction(right("WORKER"), "worker", view.at("by_worker"));
  std::vector<Row> rows;
  for (const Json& each : view.at("busiest")) {
    rows.push_back({word(each, "source"), count_cell(each, "connections")});
  }
  if (rows.empty()) return out + "\nNobody is connected.\n";
  out += '\n' + table_text({{"SOURCE"}, right("CONNECTIONS")}, rows);
  return out + "At most " + std::to_string(count(view, "per_source_max")) + " of one source.\n";
}

std::string bans_table(const std::string& body) {
  std::vector<Row> rows;
  for (const Json& ban : list_in(body, "bans")) {
    rows.push_back({word(ban, "source"), word(ban, "reason"),
                    of_max_text(count(ban, "count"), count(ban, "limit"))});
  }
  if (rows.empty()) return "Nobody is refused.\n";
  return table_text({{"SOURCE"}, {"REASON"}, right("COUNT")}, rows);
}

std::string memory_table(const std::string& body) {
  const Json view = Json::parse(body);
  std::vector<Row> rows;
  for (const Json& each : view.at("consumers")) {
    rows.push_back(
        {word(each, "consumer"), size_text(count(each, "bytes")), word(each, "derivation")});
  }
  std::string out = table_text({{"CONSUMER"}, right("SIZE"), {"FOR"}}, rows);
  out += size_text(count(view, "sum_bytes")) + " of " + size_text(count(view, "limit_bytes")) +
         " (global.memory)";
  const Json& resident = view.at("resident_bytes");
  if (!resident.is_null()) out += ", " + size_text(resident.get<uint64_t>()) + " resident";
  return out + '\n';
}

std::string events_text(const std::string& body) {
  std::string out;
  for (const Json& event : list_in(body, "events")) out += event_line(event);
  return out;
}

std::string last_events_text(const std::string& body) {
  const std::string out = events_text(body);
  return out.empty() ? "No events.\n" : out;
}

std::string event_objects(const std::string& body) {
  std::string out;
  for (const Json& event : list_in(body, "events")) out += event.dump() + '\n';
  return out;
}

std::string next_event(const std::string& body) {
  return std::to_string(count(Json::parse(body), "next"));
}

std::string key_text(const std::string& body) {
  const Json key = Json::parse(body);
  const Json& age = key.at("age_seconds");
  return "key " + word(key, "fingerprint") + '\n' + sheet_line("file", word(key, "file")) +
         sheet_line("written", age.is_null() ? "it is gone" : age_text(age.get<double>()) + " ago");
}

std::string status_sheet(const std::string& body) {
  const Json status = Json::parse(body);
  std::string out = "siplb " + word(status, "version") + ", process " + status.at("pid").dump();
  out += ", up " + age_text(status.at("up_seconds").get<double>()) + '\n';
  out += sheet_line("runs", plural_text(count(status, "workers"), "worker") + ", " +
                                plural_text(count(status, "lanes"), "lane"));
  out += sheet_line("file", word(status, "config_file") + " (" + word(status, "config_hash") + ')');
  out += sheet_line("calls", count_cell(status, "calls"));
  out += sheet_line("new work", status.at("draining").get<bool>() ? "none: it drains" : "yes");
  return out;
}

std::string drain_line(const std::string& body) {
  const DrainState state = drain_state(body);
  if (!state.is_draining) return "New work is taken.\n";
  return "New work is refused; " + plural_text(state.calls, "call") +
         (state.calls == 1 ? " remains.\n" : " remain.\n");
}

std::string reload_text(const std::string& body) {
  std::string out;
  for (const Json& change : list_in(body, "changes")) {
    out += change.get<std::string>() + '\n';
  }
  return out;
}

DrainState drain_state(const std::string& body) {
  const Json state = Json::parse(body);
  return {.is_draining = state.at("draining").get<bool>(), .calls = count(state, "calls")};
}

}  // namespace siplb::ctl
