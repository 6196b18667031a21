// Simulates many calls over a bad network, and judges them: none lost, none doubled, nothing left
// over.
//
// A fault names its call; --trace shows what became of it.
//
// Usage: simulation [--calls N] [--rate PER_SECOND] [--seed N] [--loss SHARE] [--trace CALL]
//                   [--late-2xx forward|release] [--max-calls N] [--restarts N]. Exit status: 0 =
//                   without a fault.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>

#include "simulation/simulation.h"

namespace siplb::test {
namespace {

SimulationOptions read_options(int argc, char** argv) {
  SimulationOptions options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i];
    const std::string value = argv[i + 1];
    if (key == "--calls") {
      options.calls = static_cast<uint32_t>(std::stoul(value));
    } else if (key == "--rate") {
      options.rate = std::stod(value);
    } else if (key == "--seed") {
      options.seed = std::stoull(value);
    } else if (key == "--loss") {
      options.network.lost = std::stod(value);
    } else if (key == "--trace") {
      options.network.traced = static_cast<uint32_t>(std::stoul(value));
    } else if (key == "--max-calls") {
      options.max_calls = static_cast<uint32_t>(std::stoul(value));
    } else if (key == "--restarts") {
      options.restarts = static_cast<uint32_t>(std::stoul(value));
    } else if (key == "--late-2xx" && (value == "forward" || value == "release")) {
      const bool is_forward = value == "forward";
      options.late_2xx = is_forward ? balance::Late2xx::Forward : balance::Late2xx::Release;
    } else {
      throw std::invalid_argument(key + " " + value);
    }
  }
  if (argc % 2 == 0) throw std::invalid_argument(argv[argc - 1]);
  return options;
}

int run(const SimulationOptions& options) {
  const auto started = std::chrono::steady_clock::now();
  Simulation simulation(options);
  const bool is_good = simulation.run();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
  simulation.print_table();
  std::printf("seed %lu: %u calls in %.1f s, %.0f calls/s\n",
              static_cast<unsigned long>(options.seed), options.calls, taken.count(),
              options.calls / taken.count());
  return is_good ? 0 : 1;
}

}  // namespace
}  // namespace siplb::test

int main(int argc, char** argv) {
  try {
    return siplb::test::run(siplb::test::read_options(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "simulation: %s\n", error.what());
    return 2;
  }
}
