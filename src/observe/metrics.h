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

#include "base/time.h"
#include "proxy/snapshot.h"
#include "proxy/worker.h"

namespace siplb::observe {

struct BudgetLine {
  std::string consumer;
  size_t octets = 0;
};

// What is measured. What is borrowed outlives the Metrics.
struct MetricsSource {
  const proxy::Snapshot& snapshot;
  const balance::LoadBoard* load = nullptr;  // null: nothing is in flight
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
