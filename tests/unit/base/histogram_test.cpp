#include "base/histogram.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace siplb {
namespace {

using namespace std::chrono_literals;

// Half a bucket: 1/64.
void expect_close(uint64_t actual, uint64_t exact) {
  EXPECT_NEAR(static_cast<double>(actual), static_cast<double>(exact),
              static_cast<double>(exact) / 64);
}

TEST(HistogramTest, SaysZeroWhenEmpty) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.sum(), 0U);
  EXPECT_EQ(histogram.quantile(0.5), 0U);
  EXPECT_EQ(histogram.count_at_most(Histogram::kValueMax), 0U);
}

TEST(HistogramTest, KeepsSmallValuesExactly) {
  Histogram histogram;
  for (uint64_t value = 0; value < 64; ++value) histogram.record(value);
  EXPECT_EQ(histogram.count(), 64U);
  EXPECT_EQ(histogram.sum(), 63U * 64 / 2);
  EXPECT_EQ(histogram.quantile(0), 0U);
  EXPECT_EQ(histogram.quantile(0.5), 31U);
  EXPECT_EQ(histogram.quantile(1), 63U);
  for (uint64_t bound = 0; bound < 64; ++bound) {
    EXPECT_EQ(histogram.count_at_most(bound), bound + 1);
  }
}

TEST(HistogramTest, KeepsEveryMagnitudeWithinItsError) {
  for (uint64_t value = 1; value <= Histogram::kValueMax; value += value / 7 + 1) {
    Histogram histogram;
    histogram.record(value);
    expect_close(histogram.quantile(0.5), value);
    EXPECT_EQ(histogram.count_at_most(value + value / 32 + 1), 1U) << value;
    EXPECT_EQ(histogram.count_at_most(value - value / 32 - 1), 0U) << value;
  }
}

TEST(HistogramTest, CountsTooLargeAsTheLargest) {
  Histogram histogram;
  histogram.record(UINT64_MAX);
  EXPECT_EQ(histogram.sum(), Histogram::kValueMax);
  expect_close(histogram.quantile(1), Histogram::kValueMax);
  EXPECT_EQ(histogram.count_at_most(Histogram::kValueMax), 1U);
}

TEST(HistogramTest, TakesDurationsInNanoseconds) {
  Histogram histogram;
  histogram.record(Duration(250ms));
  histogram.record(Duration(-1ms));
  EXPECT_EQ(histogram.sum(), 250'000'000U);
  EXPECT_EQ(histogram.quantile(0.5), 0U);
  expect_close(histogram.quantile(1), 250'000'000);
}

TEST(HistogramTest, AgreesWithSortedValues) {
  constexpr uint64_t kSeed = 20;
  SCOPED_TRACE(kSeed);
  std::mt19937_64 random(kSeed);
  Histogram histogram;
  std::vector<uint64_t> values;
  for (size_t i = 0; i < 10'000; ++i) {
    values.push_back(random() >> (28 + random() % 36));
    histogram.record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double q : {0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<size_t>(std::ceil(q * static_cast<double>(values.size())));
    SCOPED_TRACE(q);
    expect_close(histogram.quantile(q), values[rank - 1]);
  }
}

TEST(HistogramTest, MergesAndClears) {
  Histogram total;
  Histogram part;
  for (uint64_t value = 0; value < 10; ++value) part.record(value);
  total.record(uint64_t{20});
  total.merge(part);
  EXPECT_EQ(total.count(), 11U);
  EXPECT_EQ(total.sum(), 65U);
  EXPECT_EQ(total.quantile(1), 20U);
  part.clear();
  EXPECT_EQ(part.count(), 0U);
  EXPECT_EQ(part.sum(), 0U);
  EXPECT_EQ(total.count(), 11U);
}

TEST(HistogramTest, IsReadWhileItIsWritten) {
  constexpr uint64_t kValues = 200'000;
  const auto histogram = std::make_unique<Histogram>();
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (uint64_t i = 0; i < kValues; ++i) histogram->record(uint64_t{5});
    done = true;
  });
  uint64_t last = 0;
  while (!done) {
    const uint64_t count = histogram->count();
    ASSERT_GE(count, last);
    if (count != 0) {
      ASSERT_EQ(histogram->quantile(0.99), 5U);
    }
    last = count;
  }
  writer.join();
  EXPECT_EQ(histogram->count(), kValues);
}

}  // namespace
}  // namespace siplb
