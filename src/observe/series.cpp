#include "observe/series.h"

#include <cmath>

#include <prometheus/metric_family.h>

namespace siplb::observe {

void Series::add(Labels labels, double value) {
  prometheus::ClientMetric metric;
  for (const auto& [name, text] : labels) {
    metric.label.push_back({std::string(name), std::string(text)});
  }
  // Which of the two is printed depends on the family's type.
  metric.counter.value = value;
  metric.gauge.value = value;
  family_.metric.push_back(std::move(metric));
}

void Series::add_histogram(const Histogram& histogram, std::span<const double> bounds_seconds) {
  constexpr double kNanoseconds = 1e9;
  prometheus::ClientMetric metric;
  metric.histogram.sample_count = histogram.count();
  metric.histogram.sample_sum = static_cast<double>(histogram.sum()) / kNanoseconds;
  for (const double bound : bounds_seconds) {
    const auto at_most = static_cast<uint64_t>(bound * kNanoseconds);
    metric.histogram.bucket.push_back({histogram.count_at_most(at_most), bound});
  }
  metric.histogram.bucket.push_back({metric.histogram.sample_count, INFINITY});
  family_.metric.push_back(std::move(metric));
}

}  // namespace siplb::observe
