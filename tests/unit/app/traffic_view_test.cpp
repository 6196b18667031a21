#include "app/traffic_view.h"

#include <gtest/gtest.h>

#include "one_worker.h"

namespace siplb::app {
namespace {

TEST(TrafficViewTest, ShowsAWorkerThatHasDoneNothing) {
  const test::OneWorker one;
  const WorkerView view = worker_view(*one.workers[0]);
  EXPECT_EQ(view.lanes, (std::vector<uint8_t>{0, 1}));
  EXPECT_EQ(view.messages.received, 0u);
  EXPECT_EQ(view.transactions, 0u);
  EXPECT_EQ(view.connections, 0u);
  EXPECT_EQ(view.send_slots.used, 0u);
  EXPECT_EQ(view.send_slots.total, 6u);
  EXPECT_EQ(view.held_slots.total, 4u);
  EXPECT_EQ(view.tick_p99, Duration::zero());
}

TEST(TrafficViewTest, AddsUpWhatWorkersHaveDone) {
  test::OneWorker one;
  one.serve_one();
  const MessageSums sums = message_sums(one.workers);
  EXPECT_EQ(sums.received, 1u);
  EXPECT_EQ(sums.answered, 1u);
  EXPECT_EQ(sums.unavailable, 0u);
  EXPECT_EQ(sums.forwarded + sums.dropped, 0u);
  const WorkerView view = worker_view(*one.workers[0]);
  EXPECT_EQ(view.messages.answered, 1u);
  EXPECT_GT(view.tick_median, Duration::zero());
  EXPECT_GE(view.tick_p99, view.tick_median);
}

TEST(TrafficViewTest, CountsTicksUpToEachBound) {
  test::OneWorker one;
  EXPECT_EQ(tick_sums(one.workers), TickSums());
  one.serve_one();
  const TickSums sums = tick_sums(one.workers);
  EXPECT_GT(sums.back(), 0u);
  EXPECT_TRUE(std::is_sorted(sums.begin(), sums.end()));
}

TEST(TrafficViewTest, ShowsWhatTheKernelHoldsForAListener) {
  const test::OneWorker one;
  EXPECT_GT(socket_sums(one.workers, 0).receive_buffer_bytes, 0u);
  EXPECT_EQ(socket_sums(one.workers, 0).kernel_drops, 0u);
  EXPECT_EQ(socket_sums(one.workers, 1).receive_buffer_bytes, 0u);  // there is none
}

TEST(TrafficViewTest, ShowsWhatAServerWasSent) {
  const test::OneWorker one;
  EXPECT_EQ(server_sums(one.workers, 0).requests, 0u);
  EXPECT_EQ(server_sums(one.workers, 0).responses, (std::array<uint64_t, 6>{}));
}

}  // namespace
}  // namespace siplb::app
