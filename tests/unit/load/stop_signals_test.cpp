#include "load/stop_signals.h"

#include <csignal>

#include <gtest/gtest.h>

namespace siplb::load {
namespace {

class StopSignalsTest : public ::testing::Test {
 protected:
  // One tick that does not sleep.
  void tick() { loop->dispatch(loop->wait(Instant{})); }

  std::unique_ptr<net::EventLoop> loop = std::move(*net::EventLoop::create(1));
};

// A signal sent to this thread waits until it is read, since it is blocked.
TEST_F(StopSignalsTest, CountsBothSignalsInsteadOfDying) {
  const auto signals = StopSignals::watch(*loop);
  ASSERT_TRUE(signals.has_value());
  tick();
  EXPECT_EQ((*signals)->count(), 0U);
  raise(SIGINT);
  tick();
  EXPECT_EQ((*signals)->count(), 1U);
  raise(SIGTERM);
  tick();
  EXPECT_EQ((*signals)->count(), 2U);
  raise(SIGINT);
  raise(SIGTERM);
  tick();
  EXPECT_EQ((*signals)->count(), 4U) << "both are read in one tick";
}

TEST_F(StopSignalsTest, LeavesTheLoopWhenItDies) {
  for (int i = 0; i < 3; ++i) {
    const auto signals = StopSignals::watch(*loop);
    ASSERT_TRUE(signals.has_value()) << "the loop has room for one";
  }
}

TEST_F(StopSignalsTest, SaysWhenTheLoopIsFull) {
  const auto first = StopSignals::watch(*loop);
  ASSERT_TRUE(first.has_value());
  const auto second = StopSignals::watch(*loop);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().sys_errno, ENOSPC);
}

}  // namespace
}  // namespace siplb::load
