// Everything siplb counts, as Prometheus text.
//
// One table (metrics.cpp) says name, type, labels and meaning of each family and how it is filled;
// docs/metrics.md is tested against it. Reads counters that other threads are writing: a scrape
// costs the workers nothing.
// Thread: any, synchronised inside.
#pragma once

#include <memory>
#include <mutex>
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

// Of readings of the configuration while siplb runs.
struct ReloadCounters {
  Counter done;
  Counter refused;
  Counter is_stale;  // 1 while the file says something else than what runs
};

// What is measured. What is borrowed outlives the Metrics.
struct MetricsSource {
  Published<proxy::Snapshot>& snapshots;
  size_t snapshot_reader = 0;  // our number among its readers
  // What of these is null has counted nothing.
  const balance::LoadBoard* load = nullptr;
  const balance::CallCounts* calls = nullptr;
  const health::Prober* prober = nullptr;
  Published<balance::PoolStatus>* status = nullptr;  // null: all servers are unknown
  size_t status_reader = 0;                          // our number among its readers
  NameCounters names = {};
  const ReloadCounters* reloads = nullptr;
  RequestNameCounters request_names = {};
  std::span<const std::unique_ptr<proxy::Worker>> workers;
  std::vector<BudgetLine> budget;
  Instant started_at;
};

class Metrics {
 public:
  explicit Metrics(MetricsSource source) : source_(std::move(source)) {}

  // The text of /metrics. Every configured server, listener and reason has its series from the
  // start, and from the reload that brings it.
  [[nodiscard]] std::string scrape(Instant now) const;

 private:
  MetricsSource source_;
  mutable std::mutex mutex_;  // one scrape at a time: each of source_'s readers is one thread
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
