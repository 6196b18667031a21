#include "base/duration_buckets.h"

#include <gtest/gtest.h>

namespace siplb {
namespace {

using namespace std::chrono_literals;

TEST(DurationBucketsTest, BoundsAreInclusive) {
  DurationBuckets buckets;
  buckets.record(5ms);
  buckets.record(5ms + 1ns);
  EXPECT_EQ(buckets.count_in(0), 1U);
  EXPECT_EQ(buckets.count_in(1), 1U);
  EXPECT_EQ(buckets.sum_ns(), 10'000'001U);
}

TEST(DurationBucketsTest, TheLastBucketTakesWhatIsLonger) {
  DurationBuckets buckets;
  buckets.record(10s);
  buckets.record(10s + 1ns);
  EXPECT_EQ(buckets.count_in(DurationBuckets::kBounds.size() - 1), 1U);
  EXPECT_EQ(buckets.count_in(DurationBuckets::kBounds.size()), 1U);
}

TEST(DurationBucketsTest, NegativeDurationsCountAsNone) {
  DurationBuckets buckets;
  buckets.record(-1s);
  EXPECT_EQ(buckets.count_in(0), 1U);
  EXPECT_EQ(buckets.sum_ns(), 0U);
}

}  // namespace
}  // namespace siplb
