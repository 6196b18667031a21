#include "app/signals.h"

#include <csignal>

#include <gtest/gtest.h>

namespace siplb::app {
namespace {

// Signals sent to this thread wait until they are read, since they are blocked.
TEST(SignalsTest, TellsWhatArrivedInOrderOfAsking) {
  const auto signals = Signals::block();
  ASSERT_TRUE(signals.has_value());
  for (const int terminating : {SIGTERM, SIGINT}) {
    raise(terminating);
    EXPECT_EQ(signals->wait(), Signal::Terminate);
  }
  raise(SIGHUP);
  EXPECT_EQ(signals->wait(), Signal::Reload);
}

TEST(SignalsTest, WaitsNoLongerThanItsDeadline) {
  const auto signals = Signals::block();
  ASSERT_TRUE(signals.has_value());
  const Instant deadline = Clock::now() + std::chrono::milliseconds(1);
  EXPECT_EQ(signals->wait(deadline), std::nullopt);
  EXPECT_GE(Clock::now(), deadline);
  raise(SIGHUP);
  EXPECT_EQ(signals->wait(deadline), Signal::Reload) << "what is there is taken all the same";
}

TEST(SignalsTest, IgnoresBrokenPipesAndFullFiles) {
  ASSERT_TRUE(Signals::block().has_value());
  for (const int signal : {SIGPIPE, SIGXFSZ}) raise(signal);
  SUCCEED() << "still here";
}

}  // namespace
}  // namespace siplb::app
