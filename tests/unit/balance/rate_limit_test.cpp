#include "balance/rate_limit.h"

#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace siplb::balance {
namespace {

using namespace std::chrono_literals;

const Instant kStart = Instant{} + 1h;

int admitted(RateLimit& rate, int asked, Instant now) {
  int count = 0;
  for (int i = 0; i < asked; ++i) count += rate.admit(now) ? 1 : 0;
  return count;
}

TEST(RateLimitTest, AdmitsASecondsWorthAtOnceAndNoMore) {
  RateLimit rate(50);
  EXPECT_EQ(admitted(rate, 1000, kStart), 50);
}

TEST(RateLimitTest, AdmitsTheRateFromThenOn) {
  RateLimit rate(50);
  EXPECT_EQ(admitted(rate, 1000, kStart), 50);
  EXPECT_EQ(admitted(rate, 1000, kStart + 19ms), 0);
  EXPECT_EQ(admitted(rate, 1000, kStart + 20ms), 1);
  EXPECT_EQ(admitted(rate, 1000, kStart + 120ms), 5);
}

TEST(RateLimitTest, SavesUpNoMoreThanASecondsWorth) {
  RateLimit rate(50);
  EXPECT_EQ(admitted(rate, 1000, kStart), 50);
  EXPECT_EQ(admitted(rate, 1000, kStart + 24h), 50);
}

TEST(RateLimitTest, OfOneASecondAdmitsOne) {
  RateLimit rate(1);
  EXPECT_EQ(admitted(rate, 10, kStart), 1);
  EXPECT_EQ(admitted(rate, 10, kStart + 999ms), 0);
  EXPECT_EQ(admitted(rate, 10, kStart + 1s), 1);
}

TEST(RateLimitTest, IsExactOverThreads) {
  RateLimit rate(1000);
  std::atomic<int> count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] { count += admitted(rate, 1000, kStart); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 1000);
}

}  // namespace
}  // namespace siplb::balance
