// What siplb-load says: addresses, rows while it runs, and totals, for people and for machines.
//
// Pure: text from counts. The JSON names are a contract (docs/man/siplb-load.1).
// Thread: one.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "load/answerer.h"
#include "load/call_stats.h"
#include "load/lane.h"

namespace siplb::load {

// What did not get through, and not by the other side's fault.
struct Losses {
  uint64_t sent = 0;          // lost on purpose (LossyWire)
  uint64_t received = 0;      // lost on purpose (LossyReceiver)
  uint64_t kernel_drops = 0;  // not read in time
};

struct CallRun {
  const CallStats& stats;
  uint32_t seed = 0;
  Duration elapsed{};
  Losses losses;
  ConnectionCounts connections;
};

// One line of JSON without its end.
[[nodiscard]] std::string call_json(const CallRun& run);
[[nodiscard]] std::string call_summary(const CallRun& run);

// Rows of a table, each about the time since the row before; percentiles are of setup_recent.
class CallTable {
 public:
  [[nodiscard]] static std::string heading();
  [[nodiscard]] std::string row(const CallRun& run);

 private:
  uint64_t succeeded_before_ = 0;
  Duration elapsed_before_{};
};

struct ServeRun {
  const Answerer& answerer;
  uint64_t seed = 0;
  Losses losses;
  ConnectionCounts connections;
};

// Names and addresses of the servers: what a script needs to go on.
[[nodiscard]] std::string servers_json(const Answerer& answerer);
[[nodiscard]] std::string servers_text(const Answerer& answerer);
// Totals, per server and of all.
[[nodiscard]] std::string serve_json(const ServeRun& run);
[[nodiscard]] std::string serve_summary(const ServeRun& run);

}  // namespace siplb::load
