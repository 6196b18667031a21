// Everything siplb counts, as Prometheus text (names and labels: docs/metrics.md).
//
// Reads counters that other threads are writing; a scrape costs the workers nothing.
// Thread: any, but one scrape at a time per Metrics.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

namespace siplb::observe {

struct BudgetLine {
  std::string consumer;
  size_t octets = 0;
};

// What is measured. All are borrowed and outlive the Metrics.
struct MetricsSource {
  const proxy::Snapshot& snapshot;
  std::span<const std::unique_ptr<proxy::Worker>> workers;
  std::vector<BudgetLine> budget;
  std::string config_hash;  // of the file that runs
  Instant started_at;
};

class Metrics {
 public:
  explicit Metrics(MetricsSource source);
  // The text of /metrics. Every configured server, listener and reason has its series from the
  // start.
  [[nodiscard]] std::string scrape(Instant now) const;

 private:
  MetricsSource source_;
};

}  // namespace siplb::observe
