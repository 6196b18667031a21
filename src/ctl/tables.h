// siplbd's answers as text for people, within 80 columns where names are not too long.
//
// `body` is the JSON of an answer with status 200 (docs/man/siplbctl.8); one of another shape makes
// these functions throw std::exception.
// Thread: any. Pure.
#pragma once

#include <string>

namespace siplb::ctl {

// A row for each server; of a host name only places that have an address.
[[nodiscard]] std::string servers_table(const std::string& body);
// All that is known of a server, or of each place of a name.
[[nodiscard]] std::string server_sheet(const std::string& body);
// Why it gets no new work, in sentences.
[[nodiscard]] std::string why_down_text(const std::string& body);
// What it is after a change, in a line.
[[nodiscard]] std::string change_line(const std::string& body);
// What {"error": "..."} says.
[[nodiscard]] std::string error_text(const std::string& body);

}  // namespace siplb::ctl
