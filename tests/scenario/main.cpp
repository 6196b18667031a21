// Plays one scenario: once as written, then again with one resource at 0, 1, 2, 4 ... until it goes
// as written all the same. In those runs calls may fail, but each ends, counts everything, and
// sends to nobody who has no part in it.
//
// Usage: scenario FILE. Exit status: 0 = as written.
#include <cstdio>
#include <fstream>
#include <sstream>

#include "balance/affinity.h"
#include "scenario/player.h"

namespace siplb::test {
namespace {

constexpr size_t kSweepMax = 4096;

struct Sweep {
  const char* name;
  size_t Resources::*resource;
  size_t first;  // after 0
};
constexpr Sweep kSweeps[] = {
    {"sends per step", &Resources::sends, 1},
    {"affinity entries for calls", &Resources::calls, balance::AffinityTable::kWays},
    {"affinity entries for others", &Resources::others, balance::AffinityTable::kWays},
    {"clients that have moved", &Resources::moved, proxy::MovedFlows::kWays},
    {"requests under way", &Resources::contexts, 1},
    {"tombstones", &Resources::finished, 1},
    {"held messages", &Resources::held, 1},
    {"names that wait to be asked for", &Resources::asks, 1},
};

bool play_as_written(const char* file, const std::vector<Statement>& script) {
  const std::vector<std::string> differences = Player({}).play(script);
  for (const std::string& text : differences) std::printf("%s:%s\n", file, text.c_str());
  return differences.empty();
}

bool play_sweep(const char* file, const std::vector<Statement>& script, const Sweep& sweep) {
  for (size_t amount = 0; amount <= kSweepMax; amount = amount == 0 ? sweep.first : 2 * amount) {
    Resources resources;
    resources.*sweep.resource = amount;
    try {
      if (Player(resources).play(script).empty()) {
        std::printf("%s: enough with %zu %s\n", file, amount, sweep.name);
        return true;
      }
    } catch (const std::exception& error) {
      std::printf("%s:%s\n(with %zu %s)\n", file, error.what(), amount, sweep.name);
      return false;
    }
  }
  std::printf("%s: %zu %s are not enough\n", file, kSweepMax, sweep.name);
  return false;
}

int run(const char* file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  try {
    const std::vector<Statement> script = parse_script(text.str());
    if (script.empty()) throw ScriptError("no scenario");
    bool good = play_as_written(file, script);
    for (const Sweep& sweep : kSweeps) good = good && play_sweep(file, script, sweep);
    return good ? 0 : 1;
  } catch (const std::exception& error) {
    std::printf("%s:%s\n", file, error.what());
    return 1;
  }
}

}  // namespace
}  // namespace siplb::test

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: scenario FILE\n");
    return 2;
  }
  return siplb::test::run(argv[1]);
}
