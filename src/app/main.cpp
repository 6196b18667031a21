// siplbd: reads its command line and its file, then runs until a signal ends it.
//
// Exit codes (docs/man/siplbd.8): 0 ended by a signal, 1 faults found by --check or a start that
// failed, 2 usage, 78 a configuration fault at start.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <CLI/CLI.hpp>

#include "app/daemon.h"
#include "app/last_good.h"
#include "app/log_options.h"
#include "app/memory_budget.h"
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

void print_faults(const std::vector<config::Fault>& faults, const char* prefix) {
  for (const config::Fault& fault : faults) {
    std::fprintf(stderr, "%s%s\n", prefix, config::to_text(fault).c_str());
  }
}

// Says what is wrong with it, and whether nothing is.
bool is_good(const config::LoadResult& loaded) {
  print_faults(loaded.warnings, "warning: ");
  print_faults(loaded.faults, "");
  return loaded.good();
}

bool has_room(const MemoryBudget& budget, const std::string& file) {
  const auto fault = budget.fault();
  if (fault) std::fprintf(stderr, "%s: %s\n", file.c_str(), fault->c_str());
  return !fault;
}

int check(const std::string& file) {
  const config::LoadResult loaded = config::load_file(file);
  if (!is_good(loaded)) return kExitFailed;
  const Sizing sizing = Predecessor().sizing(loaded.configuration, usable_cores());
  const MemoryBudget budget(loaded.configuration, sizing);
  std::fputs(budget.table().c_str(), stdout);
  if (!has_room(budget, file)) return kExitFailed;
  std::printf("%s: good\n", file.c_str());
  return 0;
}

// What runs.
struct Choice {
  config::LoadResult loaded;
  Sizing sizing;
};

// Nothing where it has faults.
std::optional<Choice> choose(config::LoadResult loaded, const std::string& file,
                             const Predecessor& predecessor) {
  if (!is_good(loaded)) return std::nullopt;
  const Sizing sizing = predecessor.sizing(loaded.configuration, usable_cores());
  if (!has_room(MemoryBudget(loaded.configuration, sizing), file)) return std::nullopt;
  return Choice{std::move(loaded), sizing};
}

// Whatever does not end must not keep the sockets from a successor.
void end_after(std::chrono::milliseconds grace) {
  std::thread([grace] {
    std::this_thread::sleep_for(grace);
    std::_Exit(0);
  }).detach();
}

int run(const Choice& choice, const ConfigurationFile& file, Predecessor predecessor) {
  const auto signals = Signals::block();
  if (!signals) {
    std::fprintf(stderr, "siplbd: %s\n", describe(signals.error()).c_str());
    return kExitFailed;
  }
  const config::GlobalOptions& global = choice.loaded.configuration.global;
  observe::EventLog log(log_options(global.log));
  if (file.is_stale) {
    log.write(observe::LogLevel::Error, "configuration is stale",
              {{"file", file.path},
               {"reason", "it has faults: what ran last goes on"},
               {"remedy", "mend the file and reload"}});
  }
  const auto daemon =
      Daemon::start(choice.loaded.configuration, choice.sizing, file, std::move(predecessor), log);
  if (!daemon) {
    log.write(observe::LogLevel::Error, "start failed",
              {{"subject", daemon.error().subject}, {"reason", describe(daemon.error().error)}});
    return is_configuration_fault(daemon.error()) ? kExitConfiguration : kExitFailed;
  }
  (*daemon)->serve(*signals);
  const Instant told = Clock::now();
  end_after(global.shutdown_grace);
  log.write(observe::LogLevel::Info, "stopping", {});
  const bool has_stopped = (*daemon)->stop();
  const auto took = std::chrono::ceil<std::chrono::milliseconds>(Clock::now() - told);
  log.write(observe::LogLevel::Info, "stopped", {{"ms", std::to_string(took.count())}});
  if (!has_stopped) std::_Exit(0);
  return 0;
}

// A bad file may keep siplbd from starting, but not from going on.
int start(const std::string& path) {
  Predecessor predecessor = Predecessor::from_environment();
  const LastGood last_good = LastGood::from_environment(path);
  ConfigurationFile file{.path = path};
  auto choice = choose(config::load_file(path), path, predecessor);
  if (!choice && predecessor.has_left_anything()) {
    file.is_stale = true;
    choice = choose(last_good.load(), last_good.path(), predecessor);
  }
  if (!choice) return kExitConfiguration;
  file.hash = choice->loaded.hash;
  file.text = choice->loaded.text;
  return run(*choice, file, std::move(predecessor));
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
  return command.check ? siplb::app::check(command.config_file)
                       : siplb::app::start(command.config_file);
}
