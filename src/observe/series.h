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
  Series(prometheus::MetricFamily& family, const MetricsSource& measured,
         const proxy::Snapshot& seen, Instant at)
      : source(measured), snapshot(seen), now(at), family_(family) {}

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
    const balance::Topology& topology = snapshot.topology;
    for (const balance::Group& group : topology.groups()) {
      for (const balance::ServerIndex server : group.servers) {
        on_server(server, group.options.name, topology.servers()[server].name);
      }
    }
  }
  // Calls on_group(index, name) for every configured group.
  template <class OnGroup>
  void for_each_group(OnGroup&& on_group) const {
    const auto groups = snapshot.topology.groups();
    for (size_t g = 0; g < groups.size(); ++g) {
      if (groups[g].options.name.empty()) continue;
      on_group(static_cast<balance::GroupIndex>(g), groups[g].options.name);
    }
  }
  // Calls on_listener(index, name) for every configured listener.
  template <class OnListener>
  void for_each_listener(OnListener&& on_listener) const {
    for (size_t i = 0; i < snapshot.sides.size(); ++i) {
      const auto index = static_cast<transport::ListenerIndex>(i);
      if (snapshot.sides[index].name.empty()) continue;
      on_listener(index, snapshot.sides[index].name);
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
  const proxy::Snapshot& snapshot;  // all of a scrape is of one
  const Instant now;

 private:
  prometheus::MetricFamily& family_;
};

}  // namespace siplb::observe
