// Everything siplb counts, as Prometheus text.
//
// One table (metrics.cpp) says name, type, labels and meaning of each family and how it is filled;
// docs/metrics.md is tested against it. Reads counters that other threads are writing: a scrape
// costs the workers nothing.
// Thread: any, but one scrape at a time per Metrics.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "balance/call_counts.h"
#include "balance/load_board.h"
#include "balance/pool_status.h"
#include "base/counter.h"
#include "base/published.h"
#include "base/time.h"
#include "health/prober.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

namespace siplb::observe {

struct BudgetLine {
  std::string consumer;
  size_t octets = 0;
};

// Questions to name servers with this result.
struct NameLookups {
  std::string_view result;
  const Counter& count;
};

// Of servers by name; without any, nothing.
struct NameCounters {
  std::vector<NameLookups> lookups;  // by result
  const Counter* without_address = nullptr;
  const Counter* targets_ignored = nullptr;
  const Counter* addresses_ignored = nullptr;
  const Counter* oldest_answer_ns = nullptr;  // an Instant; 0: none
};

// Of names in servers' requests.
struct RequestNameCounters {
  std::vector<NameLookups> lookups;  // by result
  const Counter* names = nullptr;
  const Counter* evicted = nullptr;
};

// What is measured. What is borrowed outlives the Metrics.
struct MetricsSource {
  const proxy::Snapshot& snapshot;
  // What of these is null has counted nothing.
  const balance::LoadBoard* load = nullptr;
  const balance::CallCounts* calls = nullptr;
  const health::Prober* prober = nullptr;
  Published<balance::PoolStatus>* status = nullptr;  // null: all servers are unknown
  size_t status_reader = 0;                          // our number among its readers
  NameCounters names = {};
  RequestNameCounters request_names = {};
  std::span<const std::unique_ptr<proxy::Worker>> workers;
  std::vector<BudgetLine> budget;
  std::vector<bool> steering_attached;  // by ListenerIndex, of every listener
  std::string config_hash;              // of the file that runs
  Instant started_at;
};

class Metrics {
 public:
  explicit Metrics(MetricsSource source) : source_(std::move(source)) {}

  // The text of /metrics. Every configured server, listener and reason has its series from the
  // start.
  [[nodiscard]] std::string scrape(Instant now) const;

 private:
  MetricsSource source_;
};

// One line of the reference in docs/metrics.md.
struct MetricReference {
  std::string_view name;
  std::string_view type;    // "counter", "gauge", "histogram"
  std::string_view labels;  // "transport kind"
  std::string_view help;
};
[[nodiscard]] std::vector<MetricReference> metric_references();

}  // namespace siplb::observe
