#include "base/thread_checker.h"

#include <thread>
#include <type_traits>

#include <gtest/gtest.h>

namespace siplb {
namespace {

TEST(ThreadCheckerTest, LetsItsThreadThrough) {
  const ThreadChecker checker;
  checker.check();
  checker.check();
}

TEST(ThreadCheckerTest, BelongsToTheFirstThatCallsAfterDetach) {
  ThreadChecker checker;
  checker.check();
  checker.detach();
  std::thread([&] { checker.check(); }).join();
}

TEST(ThreadCheckerDeathTest, StopsASecondThreadInDebugBuilds) {
#if defined(SIPLB_DEBUG)
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto use_from_two_threads = [] {
    const ThreadChecker checker;
    checker.check();
    std::thread([&] { checker.check(); }).join();
  };
  EXPECT_DEATH(use_from_two_threads(), "thread_checker.h:[0-9]+: assertion failed");
#else
  static_assert(std::is_empty_v<ThreadChecker>);  // costs nothing in release
#endif
}

}  // namespace
}  // namespace siplb
