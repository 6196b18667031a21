#include "ctl/command_line.h"

#include <algorithm>

#include <CLI/CLI.hpp>

namespace siplb::ctl {
namespace {

constexpr uint32_t kWeightMax = 1000;
constexpr const char* kStandardSocket = "/run/siplb/admin.sock";

// GROUP/NAME, or GROUP/NAME/PLACE. Names have none but these characters, so that they can stand in
// a path as they are.
std::string check_server(const std::string& text) {
  const auto is_name_char = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  const bool is_well_formed =
      std::all_of(text.begin(), text.end(), [&](char c) { return c == '/' || is_name_char(c); });
  const size_t slash = text.find('/');
  const bool has_both = slash != std::string::npos && slash > 0 && slash + 1 < text.size();
  return is_well_formed && has_both ? "" : "'" + text + "' is not GROUP/NAME";
}

struct Texts {
  std::string what;
  std::string value;
};

CLI::App* add_verb(CLI::App& parent, Command& command, Verb verb) {
  const bool is_why = verb == Verb::WhyDown;
  CLI::App* app = parent.add_subcommand(
      is_why ? "why-down" : "server",
      is_why ? "Say why a server gets no new work" : "One server and its last changes");
  app->add_option("server", command.server, "GROUP/NAME")
      ->required()
      ->check(CLI::Validator(check_server, ""));
  app->callback([&command, verb] { command.verb = verb; });
  return app;
}

void add_set(CLI::App& cli, Command& command, Texts& texts) {
  CLI::App* set = cli.add_subcommand("set", "Change a server, now and after restarts");
  set->require_subcommand(1);
  CLI::App* server = add_verb(*set, command, Verb::SetState);
  server->description("Set a server's state or weight");
  server->add_option("what", texts.what, "state or weight")
      ->required()
      ->check(CLI::IsMember({"state", "weight"}));
  server->add_option("value", texts.value, "ready, drain or maint; or 0 to 1000")->required();
  server->add_flag("--force", command.force, "Even if it is the last usable server of its group");
}

void add_show(CLI::App& cli, Command& command) {
  CLI::App* show = cli.add_subcommand("show", "Show what there is");
  show->require_subcommand(1);
  show->add_subcommand("servers", "All servers")->callback([&command] {
    command.verb = Verb::ShowServers;
  });
  add_verb(*show, command, Verb::ShowServer);
}

// Throws what CLI11 throws.
void finish(Command& command, const Texts& texts) {
  if (command.verb != Verb::SetState) return;
  if (texts.what == "state") {
    const auto fault = CLI::IsMember({"ready", "drain", "maint"})(texts.value);
    if (!fault.empty()) throw CLI::ValidationError("state", fault);
    command.state = texts.value;
    return;
  }
  command.verb = Verb::SetWeight;
  const bool is_number = CLI::detail::lexical_cast(texts.value, command.weight);
  if (!is_number || command.weight > kWeightMax) {
    throw CLI::ValidationError("weight", "'" + texts.value + "' is no number from 0 to 1000");
  }
}

}  // namespace

std::variant<Command, int> parse_command_line(const std::vector<std::string>& arguments,
                                              const std::string& environment_socket,
                                              std::ostream& out, std::ostream& errors) {
  Command command;
  command.socket = environment_socket.empty() ? kStandardSocket : environment_socket;
  Texts texts;
  bool json = false;
  CLI::App cli("siplbctl: shows and changes what a running siplbd does", "siplbctl");
  cli.set_version_flag("--version", "siplbctl " SIPLB_VERSION);
  cli.fallthrough();  // options may also stand behind the verb
  cli.require_subcommand(1);
  cli.add_option("--socket", command.socket, "Where siplbd listens")->capture_default_str();
  cli.add_flag("--json", json, "Print JSON, for machines");
  add_show(cli, command);
  add_set(cli, command, texts);
  add_verb(cli, command, Verb::WhyDown);
  try {
    // CLI11 takes them from the back.
    cli.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    finish(command, texts);
  } catch (const CLI::ParseError& wish) {
    return cli.exit(wish, out, errors) == 0 ? kExitDone : kExitUsage;
  }
  command.output = json ? Output::Json : Output::People;
  return command;
}

}  // namespace siplb::ctl
