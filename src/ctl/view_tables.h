// siplbd's answers about all but servers as text for people, within 80 columns where names are not
// too long. What there is none of is said in words.
//
// `body` is the JSON of an answer with status 200 (docs/admin-api.md); one of another shape makes
// these functions throw std::exception.
// Thread: any. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace siplb::ctl {

[[nodiscard]] std::string groups_table(const std::string& body);
[[nodiscard]] std::string listeners_table(const std::string& body);
[[nodiscard]] std::string workers_table(const std::string& body);
// Sums, by listener and by worker, and who has most of them.
[[nodiscard]] std::string connections_table(const std::string& body);
// Who is refused.
[[nodiscard]] std::string bans_table(const std::string& body);
[[nodiscard]] std::string memory_table(const std::string& body);
// A line for each event; of none nothing.
[[nodiscard]] std::string events_text(const std::string& body);
// The same; of none that there is none.
[[nodiscard]] std::string last_events_text(const std::string& body);
// The events' JSON, a line for each.
[[nodiscard]] std::string event_objects(const std::string& body);
// The number of the first event that is not there yet.
[[nodiscard]] std::string next_event(const std::string& body);
[[nodiscard]] std::string key_text(const std::string& body);
// What runs there, in a sheet.
[[nodiscard]] std::string status_sheet(const std::string& body);
// "New work is refused; 12 calls remain."
[[nodiscard]] std::string drain_line(const std::string& body);

// What a reload has changed, a line each.
[[nodiscard]] std::string reload_text(const std::string& body);

struct DrainState {
  bool is_draining = false;
  uint64_t calls = 0;
};
[[nodiscard]] DrainState drain_state(const std::string& body);

}  // namespace siplb::ctl
