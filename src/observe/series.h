// What a metric's fill function writes its series with: the sums over lanes, one line each.
//
// Thread: any, one scrape at a time. Lives for one family of one scrape.
#pragma once

#include <array>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/duration_buckets.h"
#include "base/histogram.h"
#include "observe/metrics.h"

namespace prometheus {
struct MetricFamily;
}

namespace siplb::observe {

// DurationBuckets of several lanes, added up.
struct DurationSum {
  std::array<uint64_t, DurationBuckets::kBounds.size() + 1> counts{};
  uint64_t sum_ns = 0;

  void add(const DurationBuckets& durations);
};

class Series {
 public:
  Series(prometheus::MetricFamily& family, const MetricsSource& measured, Instant at)
      : source(measured), now(at), family_(family) {}

  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  void add(Labels labels, double value);
  void add(Labels labels, uint64_t value) { add(labels, static_cast<double>(value)); }
  // A histogram of nanoseconds, as one of seconds with these buckets and +Inf.
  void add_histogram(const Histogram& histogram, std::span<const double> bounds_seconds);
  // A histogram of seconds, with the buckets that the durations have, and +Inf.
  void add_durations(Labels labels, const DurationSum& durations);

  // Calls on_lane(LaneView) for every lane of every worker.
  template <class OnLane>
  void for_each_lane(OnLane&& on_lane) const {
    for (const auto& worker : source.workers) {
      for (size_t n = 0; n < worker->lane_count(); ++n) on_lane(worker->lane(n));
    }
  }
  // Calls on_server(index, group name, server name) for every configured server.
  template <class OnServer>
  void for_each_server(OnServer&& on_server) const {
    const balance::Topology& topology = source.snapshot.topology;
    for (size_t s = 0; s < topology.servers().size(); ++s) {
      const balance::Server& server = topology.servers()[s];
      on_server(static_cast<balance::ServerIndex>(s), topology.groups()[server.group].options.name,
                server.name);
    }
  }
  // The sum of counter_of(LaneView) over all lanes.
  template <class CounterOf>
  [[nodiscard]] uint64_t sum(CounterOf&& counter_of) const {
    uint64_t total = 0;
    for_each_lane([&](const proxy::Worker::LaneView& lane) { total += counter_of(lane).value(); });
    return total;
  }
  // One series for each enumerator, its label's value being name(enumerator).
  template <class Enum, class ArrayOf, class Name>
  void add_by(std::string_view label, ArrayOf&& array_of, Name&& name_of) {
    for (size_t i = 0; i < static_cast<size_t>(Enum::kCount); ++i) {
      const auto each = static_cast<Enum>(i);
      add({{label, name_of(each)}},
          sum([&](const auto& lane) -> const Counter& { return array_of(lane)[each]; }));
    }
  }

  const MetricsSource& source;
  const Instant now;

 private:
  prometheus::MetricFamily& family_;
};

}  // namespace siplb::observe
