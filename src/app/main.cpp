// siplbd: reads its command line and its file, then runs until a signal ends it.
//
// Exit codes (docs/man/siplbd.8): 0 ended by a signal, 1 faults found by --check or a start that
// failed, 2 usage, 78 a configuration fault at start.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include <CLI/CLI.hpp>

#include "app/daemon.h"
#include "app/memory_budget.h"
#include "app/name_places.h"
#include "app/predecessor.h"
#include "app/signals.h"
#include "app/usable_cores.h"
#include "config/load.h"

namespace siplb::app {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitConfiguration = 78;

struct CommandLine {
  std::string config_file = "/etc/siplb/siplb.yaml";
  bool check = false;
};

observe::EventLog::Options log_options(const config::Configuration& configuration) {
  const config::LogOptions& options = configuration.global.log;
  observe::EventLog::Options out;
  switch (options.level) {
    case config::LogLevel::Debug: out.level = observe::LogLevel::Debug; break;
    case config::LogLevel::Info: out.level = observe::LogLevel::Info; break;
    case config::LogLevel::Warning: out.level = observe::LogLevel::Warning; break;
    case config::LogLevel::Error: out.level = observe::LogLevel::Error; break;
  }
  out.format = options.format == config::LogFormat::Json ? observe::LogFormat::Json
                                                         : observe::LogFormat::Text;
  for (const balance::GroupOptions& group : configuration.groups) {
    for (const balance::ServerOptions& server : group.servers) {
      for (size_t place = 0; place < balance::place_count(server); ++place) {
        out.servers.push_back({group.name, place_name(server, place)});
      }
    }
  }
  return out;
}

void print_faults(const std::vector<config::Fault>& faults, const char* prefix) {
  for (const config::Fault& fault : faults) {
    std::fprintf(stderr, "%s%s\n", prefix, config::to_text(fault).c_str());
  }
}

// Waits for the end. Reload comes with a later version: until then SIGHUP is only said to be
// ignored.
void serve(const Signals& signals, observe::EventLog& log) {
  while (signals.wait() == Signal::Reload) {
    log.write(observe::LogLevel::Warning, "reload ignored",
              {{"reason", "not yet supported: restart to read the file again"}});
  }
  log.write(observe::LogLevel::Info, "stopping", {});
}

int run(const config::LoadResult& loaded, const Sizing& sizing, Predecessor predecessor) {
  const auto signals = Signals::block();
  if (!signals) {
    std::fprintf(stderr, "siplbd: %s\n", describe(signals.error()).c_str());
    return kExitFailed;
  }
  observe::EventLog log(log_options(loaded.configuration));
  const auto daemon =
      Daemon::start(loaded.configuration, sizing, loaded.hash, std::move(predecessor), log);
  if (!daemon) {
    log.write(observe::LogLevel::Error, "start failed",
              {{"subject", daemon.error().subject}, {"reason", describe(daemon.error().error)}});
    return is_configuration_fault(daemon.error()) ? kExitConfiguration : kExitFailed;
  }
  serve(*signals, log);
  // A scrape that does not end must not keep the sockets from a successor.
  if (!(*daemon)->stop()) std::_Exit(0);
  return 0;
}

int check_and_run(const CommandLine& command) {
  const config::LoadResult loaded = config::load_file(command.config_file);
  print_faults(loaded.warnings, "warning: ");
  print_faults(loaded.faults, "");
  const int fault_code = command.check ? kExitFailed : kExitConfiguration;
  if (!loaded.good()) return fault_code;

  Predecessor predecessor = command.check ? Predecessor() : Predecessor::from_environment();
  const Sizing sizing = predecessor.sizing(loaded.configuration, usable_cores());
  const MemoryBudget budget(loaded.configuration, sizing);
  if (command.check) std::fputs(budget.table().c_str(), stdout);
  if (const auto fault = budget.fault()) {
    std::fprintf(stderr, "%s: %s\n", command.config_file.c_str(), fault->c_str());
    return fault_code;
  }
  return command.check ? 0 : run(loaded, sizing, std::move(predecessor));
}

}  // namespace
}  // namespace siplb::app

int main(int argc, char** argv) {
  siplb::app::CommandLine command;
  CLI::App cli("siplbd: a SIP load balancer");
  cli.set_version_flag("--version", "siplbd " SIPLB_VERSION);
  cli.add_option("--config", command.config_file, "the configuration file")->capture_default_str();
  cli.add_flag("--check", command.check,
               "say what is wrong with the file, print the memory table, and end");
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& wish) {
    return cli.exit(wish) == 0 ? 0 : siplb::app::kExitUsage;
  }
  return siplb::app::check_and_run(command);
}
