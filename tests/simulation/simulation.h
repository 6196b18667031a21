// One lane between phones and servers, on a network that loses datagrams and a clock that needs no
// waiting.
//
// Calls arrive as a Poisson process. When the last one has come to its end, and everybody has
// forgotten it, the lane must have given back all that it took.
// Thread: one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "config/configuration.h"
#include "scenario/process.h"
#include "simulation/phones.h"
#include "simulation/servers.h"

namespace siplb::test {

struct SimulationOptions {
  uint32_t calls = 20'000;  // other requests come on top
  double rate = 500;        // of calls and other requests, per second
  uint64_t seed = 1;
  NetworkOptions network;
  balance::Late2xx late_2xx = balance::Late2xx::Forward;
  uint32_t max_calls = 0;  // of each server; 0: no limit
  uint32_t restarts = 0;   // evenly over the calls
};

class Simulation {
 public:
  explicit Simulation(const SimulationOptions& options);

  // Returns true where nothing happened that must not. Throws std::logic_error where the lane does
  // what no lane may do.
  [[nodiscard]] bool run();
  void print_table() const;

 private:
  void arrive();
  [[nodiscard]] Duration pause_before_next();
  void restart();
  void note_calls();
  void check_refusal(const Datagram& datagram, const std::vector<SentMessage>& sent);
  void check_abandoned();
  void deliver(const Datagram& datagram);
  void forward(std::vector<SentMessage> sent);
  void run_out();
  void check_end();
  [[nodiscard]] proxy::Tick tick() const;

  const SimulationOptions options_;
  Events events_;
  Dice dice_;
  Ledger ledger_;
  Network network_;
  const config::Configuration configuration_;
  ProcessOptions process_options_;
  std::optional<Process> process_;
  Phones phones_;
  Servers servers_;
  uint32_t request_count_ = 0;  // calls and others
  uint32_t call_count_ = 0;
  uint64_t received_count_ = 0;
  uint64_t sent_count_ = 0;
  uint32_t calls_max_ = 0;           // of one server, at once
  uint64_t beyond_limit_count_ = 0;  // calls answered by a server that was full by then
  uint64_t abandoned_ = 0;           // counted when everybody else was done
  bool is_over_ = false;             // as it was then
  uint32_t restart_count_ = 0;
  std::array<uint32_t, kServerCount> calls_before_{};
  std::unordered_set<std::string> refused_;  // branches of INVITEs that were answered 503
  Process::Counts counted_before_;           // by the processes that have ended
};

}  // namespace siplb::test
