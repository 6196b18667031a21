#include "ctl/route_test.h"

#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <sstream>

#include "ctl/ask.h"
#include "ctl/request_draft.h"
#include "ctl/route_sheet.h"
#include "ctl/url.h"

namespace siplb::ctl {
namespace {

// What describes a request, and so has no meaning beside a whole message.
constexpr const char* kDraftArguments[] = {"--method", "--uri", "--from", "--to", "--header"};

std::string read_all(std::istream& in) {
  return {std::istreambuf_iterator<char>(in), {}};
}

// Out of a file, or of standard input where its name is "-".
std::optional<std::string> read_message(const std::string& path) {
  if (path == "-") return read_all(std::cin);
  std::ifstream file(path, std::ios::binary);
  return file ? std::optional(read_all(file)) : std::nullopt;
}

void take(const Command& command, const char* name, std::string& out) {
  if (command.has(name)) out = command.value(name);
}

std::string draft_of(const Command& command) {
  RequestDraft draft;
  take(command, "--method", draft.method);
  take(command, "--uri", draft.uri);
  take(command, "--from", draft.from);
  take(command, "--to", draft.to);
  take(command, "--source", draft.source);
  take(command, "--transport", draft.transport);
  std::istringstream headers(command.value("--header"));
  for (std::string line; std::getline(headers, line);) draft.headers.push_back(line);
  return write_request(draft);
}

std::string query_of(const Command& command) {
  Query query("/v1/route-test");
  for (const char* name : {"listener", "transport", "source", "local"}) {
    const std::string argument = std::string("--") + name;
    if (command.has(argument)) query.add(name, command.value(argument));
  }
  return query.text();
}

}  // namespace

int route_test(const Command& command, const Streams& streams) {
  std::string message;
  if (command.has("--message")) {
    for (const char* argument : kDraftArguments) {
      if (command.has(argument)) {
        return usage_fault(streams, std::string(argument) + " does not go with --message");
      }
    }
    const auto read = read_message(command.value("--message"));
    if (!read) return usage_fault(streams, "can't read " + command.value("--message"));
    message = with_line_ends(*read);
  } else {
    message = draft_of(command);
  }
  const Asked asked = ask(command, streams, Change{.path = query_of(command), .body = message});
  return print(command, streams, asked, route_sheet);
}

}  // namespace siplb::ctl
