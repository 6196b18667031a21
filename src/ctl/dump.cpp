#include "ctl/dump.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <ostream>
#include <sstream>

#include <sys/utsname.h>
#include <nlohmann/json.hpp>

#include "ctl/ask.h"
#include "ctl/doctor.h"
#include "ctl/secrets.h"
#include "ctl/tables.h"
#include "ctl/view_tables.h"

namespace siplb::ctl {
namespace {

using Json = nlohmann::ordered_json;

struct Section {
  std::string title;
  std::string text;  // for people
  Json content;      // for machines
};
using Sections = std::vector<Section>;

std::string as_it_is(const std::string& body) {
  return body;
}

struct Source {
  const char* title;
  const char* path;
  ToText to_text;
};
// All the tables. What is text, and no JSON, is shown as it is.
constexpr Source kSources[] = {
    {"status", "/v1/status", status_sheet},
    {"servers", "/v1/servers", servers_table},
    {"groups", "/v1/groups", groups_table},
    {"listeners", "/v1/listeners", listeners_table},
    {"workers", "/v1/workers", workers_table},
    {"connections", "/v1/connections", connections_table},
    {"bans", "/v1/bans", bans_table},
    {"memory", "/v1/memory", memory_table},
    {"key", "/v1/key", key_text},
    {"events", "/v1/events?last=1000", last_events_text},
    {"metrics", "/v1/metrics", as_it_is},
};

Section text_section(std::string title, std::string text) {
  Json content = text;
  return {.title = std::move(title), .text = std::move(text), .content = std::move(content)};
}

// The file, or why there is none.
std::string content_of(const std::string& path) {
  std::ifstream file(path);
  if (!file) return path + ": " + std::strerror(errno) + '\n';
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string host_text() {
  utsname names{};
  uname(&names);
  std::string out = std::string(names.sysname) + ' ' + names.release + ' ' + names.machine + '\n';
  std::istringstream release(content_of("/etc/os-release"));
  for (std::string line; std::getline(release, line);) {
    if (line.starts_with("PRETTY_NAME=")) out += line + '\n';
  }
  return out + content_of("/proc/loadavg");
}

// What siplbd says; the exit code of the first question that it did not answer.
int add_daemon(const Command& command, const Streams& streams, Sections& sections) {
  Json status;
  for (const Source& source : kSources) {
    const Asked asked = ask(command, streams, source.path);
    const auto* body = std::get_if<std::string>(&asked);
    if (body == nullptr) return *std::get_if<int>(&asked);
    const Json content = Json::parse(*body, nullptr, false);
    if (status.is_null()) status = content;
    sections.push_back({.title = source.title,
                        .text = source.to_text(*body),
                        .content = content.is_discarded() ? Json(*body) : content});
  }
  const std::string file = status.at("config_file").get<std::string>();
  sections.push_back(text_section("configuration", without_secrets(content_of(file))));
  const std::string process = "/proc/" + status.at("pid").dump();
  sections.push_back(text_section("limits", content_of(process + "/limits")));
  return kExitDone;
}

void print(const Command& command, std::ostream& out, const Sections& sections) {
  if (command.output == Output::People) {
    out << "siplb dump by siplbctl " SIPLB_VERSION "\n";
    for (const Section& each : sections) out << "\n==== " << each.title << "\n\n" << each.text;
    return;
  }
  Json all = Json::object();
  for (const Section& each : sections) all[each.title] = each.content;
  // What stands in files may be no UTF-8.
  out << all.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace

int dump(const Command& command, const Streams& streams) {
  Sections sections;
  const int code = add_daemon(command, streams, sections);
  sections.push_back(text_section("host", host_text()));
  const std::vector<Finding> findings = findings_of_host(command);
  sections.push_back({.title = "doctor",
                      .text = findings_text(findings),
                      .content = Json::parse(findings_json(findings))});
  print(command, streams.out, sections);
  return code;
}

}  // namespace siplb::ctl
