#include "observe/series.h"

#include <chrono>
#include <cmath>

#include <prometheus/metric_family.h>

namespace siplb::observe {
namespace {

constexpr double kNanoseconds = 1e9;  // of a second

prometheus::ClientMetric labelled(Series::Labels labels) {
  prometheus::ClientMetric metric;
  for (const auto& [name, text] : labels) {
    metric.label.push_back({std::string(name), std::string(text)});
  }
  return metric;
}

}  // namespace

void DurationSum::add(const DurationBuckets& durations) {
  for (size_t i = 0; i < counts.size(); ++i) counts[i] += durations.count_in(i);
  sum_ns += durations.sum_ns();
}

void Series::add(Labels labels, double value) {
  prometheus::ClientMetric metric = labelled(labels);
  // Which of the two is printed depends on the family's type.
  metric.counter.value = value;
  metric.gauge.value = value;
  family_.metric.push_back(std::move(metric));
}

void Series::add_histogram(const Histogram& histogram, std::span<const double> bounds_seconds) {
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

void Series::add_durations(Labels labels, const DurationSum& durations) {
  prometheus::ClientMetric metric = labelled(labels);
  uint64_t count = 0;  // Prometheus' buckets hold what the shorter ones hold, too.
  for (size_t i = 0; i < durations.counts.size(); ++i) {
    count += durations.counts[i];
    const bool is_last = i == DurationBuckets::kBounds.size();
    const double bound =
        is_last ? INFINITY : std::chrono::duration<double>(DurationBuckets::kBounds[i]).count();
    metric.histogram.bucket.push_back({count, bound});
  }
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = static_cast<double>(durations.sum_ns) / kNanoseconds;
  family_.metric.push_back(std::move(metric));
}

}  // namespace siplb::observe
