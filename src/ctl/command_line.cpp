#include "ctl/command_line.h"

#include <map>

#include <CLI/CLI.hpp>

namespace siplb::ctl {
namespace {

constexpr const char* kStandardSocket = "/run/siplb/admin.sock";

// Words that are no verbs by themselves.
std::string description_of(const std::string& word) {
  return word == "show" ? "Show what there is" : "Change what there is";
}

void add_argument(CLI::App& app, const Argument& argument, Command& command) {
  const std::string name = argument.name;
  if (argument.kind == Argument::Kind::Flag) {
    app.add_flag_callback(
        name, [&command, name] { command.values[name]; }, argument.help);
    return;
  }
  if (argument.kind == Argument::Kind::Values) {
    const auto keep_all = [&command, name](const std::vector<std::string>& values) {
      for (const std::string& value : values) command.values[name] += value + '\n';
    };
    app.add_option_function<std::vector<std::string>>(name, keep_all, argument.help)
        ->type_name("VALUE")
        ->allow_extra_args(false);
    return;
  }
  const auto keep = [&command, name](const std::string& value) { command.values[name] = value; };
  CLI::Option* option = app.add_option_function<std::string>(name, keep, argument.help);
  option->type_name(argument.kind == Argument::Kind::Value ? "VALUE" : "");
  if (argument.kind == Argument::Kind::Required) option->required();
  if (argument.check != nullptr) option->check(CLI::Validator(argument.check, ""));
}

// What "show" and "set" are; the empty word is siplbctl itself.
using Parents = std::map<std::string, CLI::App*>;

void add_verb(Parents& parents, const Verb& verb, Command& command) {
  const std::string words = verb.words;
  const size_t space = words.find(' ');
  const std::string first = space == std::string::npos ? "" : words.substr(0, space);
  CLI::App*& parent = parents[first];
  if (parent == nullptr) {
    parent = parents[""]->add_subcommand(first, description_of(first));
    parent->require_subcommand(1);
  }
  // Behind the space, or from the beginning where there is none.
  CLI::App* app = parent->add_subcommand(words.substr(space + 1), verb.summary);
  app->footer(verb.details);
  for (const Argument& argument : verb.arguments) add_argument(*app, argument, command);
  app->callback([&command, &verb] { command.verb = &verb; });
}

}  // namespace

std::variant<Command, int> parse_command_line(const std::vector<std::string>& arguments,
                                              const std::string& environment_socket,
                                              const Streams& streams) {
  Command command;
  command.socket = environment_socket.empty() ? kStandardSocket : environment_socket;
  bool json = false;
  CLI::App cli("siplbctl: shows and changes what a running siplbd does", "siplbctl");
  cli.set_version_flag("--version", "siplbctl " SIPLB_VERSION);
  cli.fallthrough();  // options may also stand behind the verb
  cli.require_subcommand(1);
  cli.add_option("--socket", command.socket, "Where siplbd listens")->capture_default_str();
  cli.add_flag("--json", json, "Print JSON, for machines");
  Parents parents = {{"", &cli}};
  for (const Verb& verb : verbs()) add_verb(parents, verb, command);
  try {
    // CLI11 takes them from the back.
    cli.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& wish) {
    return cli.exit(wish, streams.out, streams.errors) == 0 ? kExitDone : kExitUsage;
  }
  command.output = json ? Output::Json : Output::People;
  return command;
}

}  // namespace siplb::ctl
