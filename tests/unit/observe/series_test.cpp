#include "observe/series.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include "support/snapshot.h"

namespace siplb::observe {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class SeriesTest : public testing::Test {
 protected:
  std::string text(prometheus::MetricType type) {
    family_.name = "family";
    family_.type = type;
    return prometheus::TextSerializer().Serialize({family_});
  }

  Published<proxy::Snapshot> snapshots_{
      1, std::make_unique<const proxy::Snapshot>(
             test::make_snapshot({.listeners = {}, .groups = {}, .routes = {}}))};
  MetricsSource source_{.snapshots = snapshots_, .workers = {}, .budget = {}, .started_at = {}};
  prometheus::MetricFamily family_;
  Series series_{family_, source_, snapshots_.newest(), Instant{}};
};

TEST_F(SeriesTest, PrintsItsLabelsInTheOrderGiven) {
  series_.add({{"group", "pbx"}, {"server", "one"}}, uint64_t{7});
  EXPECT_THAT(text(prometheus::MetricType::Counter),
              HasSubstr("family{group=\"pbx\",server=\"one\"} 7\n"));
  EXPECT_THAT(text(prometheus::MetricType::Gauge),
              HasSubstr("family{group=\"pbx\",server=\"one\"} 7\n"));
}

TEST_F(SeriesTest, TurnsNanosecondsIntoSecondsAndCountsUpwards) {
  Histogram histogram;
  histogram.record(Duration(1us));
  histogram.record(Duration(2ms));
  histogram.record(Duration(30s));
  const std::array<double, 2> bounds = {0.001, 1.0};
  series_.add_histogram(histogram, bounds);
  const std::string out = text(prometheus::MetricType::Histogram);
  EXPECT_THAT(out, HasSubstr("family_count 3\n"));
  EXPECT_THAT(out, HasSubstr("family_bucket{le=\"0.001\"} 1\n"));
  EXPECT_THAT(out, HasSubstr("family_bucket{le=\"1\"} 2\n"));
  EXPECT_THAT(out, HasSubstr("family_bucket{le=\"+Inf\"} 3\n"));
}

TEST_F(SeriesTest, AddsUpDurationsOfSeveralLanes) {
  DurationBuckets first;
  first.record(5ms);
  first.record(5ms + 1ns);
  DurationBuckets second;
  second.record(2s);
  second.record(1h);
  DurationSum sum;
  sum.add(first);
  sum.add(second);
  series_.add_durations({{"server", "one"}}, sum);
  const std::string out = text(prometheus::MetricType::Histogram);
  EXPECT_THAT(out, HasSubstr("family_count{server=\"one\"} 4\n"));
  EXPECT_THAT(out, HasSubstr("family_sum{server=\"one\"} 3602.010000001\n"));
  EXPECT_THAT(out, HasSubstr("family_bucket{server=\"one\",le=\"0.005\"} 1\n"));
  EXPECT_THAT(out, HasSubstr("family_bucket{server=\"one\",le=\"0.01\"} 2\n"));
  EXPECT_THAT(out, HasSubstr("family_bucket{server=\"one\",le=\"1\"} 2\n"));
  EXPECT_THAT(out, HasSubstr("family_bucket{server=\"one\",le=\"2.5\"} 3\n"));
  EXPECT_THAT(out, HasSubstr("family_bucket{server=\"one\",le=\"10\"} 3\n"));
  EXPECT_THAT(out, HasSubstr("family_bucket{server=\"one\",le=\"+Inf\"} 4\n"));
}

TEST_F(SeriesTest, SumsNothingWithoutWorkers) {
  EXPECT_EQ(series_.sum([](const proxy::Worker::LaneView& lane) -> const Counter& {
    return lane.counters.forwarded;
  }),
            0U);
}

}  // namespace
}  // namespace siplb::observe
